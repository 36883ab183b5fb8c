package soak

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

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/wait"
)

// drillTime bounds one drill; testprom has a limit of its own, much later.
const drillTime = 4 * time.Minute

// value is a measurement, and the value of one of its labels.
func value(o drilltest.Outcome, name, label string) (value float64, of string, ok bool) {
	for _, v := range o.Report.Values {
		if v.Name == name {
			return v.Value, v.Labels[label], true
		}
	}
	return 0, "", false
}

// flight is a drill under way.
type flight struct {
	cmd   *exec.Cmd
	out   string // its directory
	said  bytes.Buffer
	begin time.Time
}

// start starts a drill as a user would, in a process group of its own: a key pressed at
// the terminal reaches this program alone, which passes it on.
func start(programs, tmp, out string, args []string) (*flight, error) {
	for _, dir := range []string{tmp, out} {
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // user postgres works in it
			return nil, err
		}
	}
	f := &flight{out: out, begin: time.Now()}
	argv := append([]string{
		"-textfile", f.file("prom"), "-report", f.file("json"), "-stream", f.file("jsonl"), "--",
		filepath.Join(programs, "drill.test"),
	}, args...)
	f.cmd = exec.Command(filepath.Join(programs, "testprom"), argv...)
	f.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + tmp}
	f.cmd.Dir = out
	f.cmd.Stdout, f.cmd.Stderr = &f.said, &f.said
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return f, f.cmd.Start()
}

func (f *flight) file(suffix string) string { return filepath.Join(f.out, "drill."+suffix) }

// end waits for the drill, ends it in good order when ctx does, and collects what it left.
func (f *flight) end(ctx context.Context) (o drilltest.Outcome, err error) {
	ctx, cancel := context.WithTimeout(ctx, drillTime)
	defer cancel()
	over := context.AfterFunc(ctx, func() { _ = f.cmd.Process.Signal(syscall.SIGINT) }) // it may be gone
	defer over()
	_ = f.cmd.Wait() // the status says it
	o = drilltest.Outcome{Status: f.cmd.ProcessState.ExitCode(), Took: time.Since(f.begin), Said: f.said.String()}
	//nolint:gosec // for whoever looks into a red
	if err = os.WriteFile(f.file("txt"), []byte(o.Said), 0o644); err != nil {
		return o, err
	}
	content, err := os.ReadFile(f.file("json"))
	if err != nil {
		return o, errors.New("the drill left no report: " + strings.TrimSpace(o.Said))
	}
	return o, json.Unmarshal(content, &o.Report)
}

// reach waits until a step has begun.
func (f *flight) reach(ctx context.Context, step string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return wait.For(ctx, "step "+step, 5*time.Millisecond, func(context.Context) error {
		if !drilltest.Begun(f.file("jsonl"), step) {
			return errors.New("not yet")
		}
		return nil
	})
}
