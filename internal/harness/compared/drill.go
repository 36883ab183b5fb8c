package compared

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"veza.fr/recovery/internal/harness/drilltest"
)

// drillTime bounds one drill; testprom has a limit of its own, much later.
const drillTime = 15 * time.Minute

// outcome is a drill, as its report has it.
type outcome struct {
	drilltest.Outcome
}

// measured is a measurement without labels; one that is not there is -1.
func (o outcome) measured(name string) float64 {
	for _, v := range o.Report.Values {
		if v.Name == name {
			return v.Value
		}
	}
	return -1
}

// noted is the first note with words.
func (o outcome) noted(words string) string {
	for _, note := range o.Report.Notes {
		if strings.Contains(note, words) {
			return note
		}
	}
	return ""
}

// flight is a drill under way.
type flight struct {
	cmd   *exec.Cmd
	out   string
	said  bytes.Buffer
	begin time.Time
}

// start starts a drill as a user would, in a process group of its own.
func start(programs, tmp, out string, args ...string) (*flight, error) {
	for _, dir := range []string{tmp, out} {
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // user postgres works in it
			return nil, err
		}
	}
	f := &flight{out: out, begin: time.Now()}
	f.cmd = exec.Command(filepath.Join(programs, "testprom"), append([]string{ //nolint:gosec // built for this run
		"-textfile", f.file("prom"), "-report", f.file("json"), "-stream", f.file("jsonl"), "--",
		filepath.Join(programs, "drill.test"),
	}, args...)...)
	f.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + tmp}
	f.cmd.Dir = out
	f.cmd.Stdout, f.cmd.Stderr = &f.said, &f.said
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return f, f.cmd.Start()
}

func (f *flight) file(suffix string) string { return filepath.Join(f.out, "drill."+suffix) }

// end waits for the drill, and ends it in good order when ctx does.
func (f *flight) end(ctx context.Context) (o outcome, err error) {
	ctx, cancel := context.WithTimeout(ctx, drillTime)
	defer cancel()
	over := context.AfterFunc(ctx, func() { _ = f.cmd.Process.Signal(syscall.SIGINT) }) // it may be gone
	defer over()
	_ = f.cmd.Wait() // the status says it
	o.Status, o.Took, o.Said = f.cmd.ProcessState.ExitCode(), time.Since(f.begin), f.said.String()
	//nolint:gosec // for whoever looks into it
	if err = os.WriteFile(f.file("txt"), []byte(o.Said), 0o644); err != nil {
		return o, err
	}
	content, err := os.ReadFile(f.file("json"))
	if err != nil {
		return o, fmt.Errorf("the drill left no report: %s", strings.TrimSpace(o.Said))
	}
	return o, json.Unmarshal(content, &o.Report)
}
