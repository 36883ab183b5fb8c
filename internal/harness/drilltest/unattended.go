package drilltest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"veza.fr/recovery/internal/wait"
)

// Unattended is a drill under way that a program started, and no test.
type Unattended struct {
	cmd   *exec.Cmd
	out   string // its directory
	said  bytes.Buffer
	begin time.Time
}

// StartUnattended starts a drill as a user would, in a process group of its own: a key pressed at the terminal reaches
// the caller alone, which passes it on by End. tmp and out are made; what the drill writes goes to out.
func StartUnattended(programs, tmp, out string, args ...string) (*Unattended, error) {
	for _, dir := range []string{tmp, out} {
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // user postgres works in it
			return nil, err
		}
	}
	u := &Unattended{out: out, begin: time.Now()}
	argv := append([]string{
		"-textfile", u.file("prom"), "-report", u.file("json"), "-stream", u.file("jsonl"), "--",
		filepath.Join(programs, "drill.test"),
	}, args...)
	u.cmd = exec.Command(filepath.Join(programs, "testprom"), argv...) //nolint:gosec // built for this run
	u.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + tmp}
	u.cmd.Dir = out
	u.cmd.Stdout, u.cmd.Stderr = &u.said, &u.said
	u.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return u, u.cmd.Start()
}

func (u *Unattended) file(suffix string) string { return filepath.Join(u.out, "drill."+suffix) }

// End waits for the drill, ends it in good order when ctx does or it takes more than most, and collects what it left.
func (u *Unattended) End(ctx context.Context, most time.Duration) (o Outcome, err error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	over := context.AfterFunc(ctx, func() { _ = u.cmd.Process.Signal(syscall.SIGINT) }) // it may be gone
	defer over()
	_ = u.cmd.Wait() // the status says it
	o = Outcome{Status: u.cmd.ProcessState.ExitCode(), Took: time.Since(u.begin), Said: u.said.String()}
	//nolint:gosec // for whoever looks into it
	if err = os.WriteFile(u.file("txt"), []byte(o.Said), 0o644); err != nil {
		return o, err
	}
	content, err := os.ReadFile(u.file("json"))
	if err != nil {
		return o, errors.New("the drill left no report: " + strings.TrimSpace(o.Said))
	}
	return o, json.Unmarshal(content, &o.Report)
}

// Reach waits until a step has begun, at most as long as most.
func (u *Unattended) Reach(ctx context.Context, step string, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return wait.For(ctx, "step "+step, 5*time.Millisecond, func(context.Context) error {
		if !Begun(u.file("jsonl"), step) {
			return errors.New("not yet")
		}
		return nil
	})
}
