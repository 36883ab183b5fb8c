package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// programs is a directory with testprom and a compiled drill, as a user installs them.
type programs string

// graceTime is how long an interrupted drill may take to remove its sandbox.
const graceTime = time.Minute

// drill runs a whole drill as a user does, timed from its start to its exit.
func (p programs) drill(ctx context.Context, site *Site, row Row, dir string) (m Measurement, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s took more than %s", row, limit))
	defer cancel()
	conf, err := site.Conf(ctx, row.RoundTrip)
	if err != nil {
		return m, err
	}
	report := filepath.Join(dir, "report.json")
	if err = os.RemoveAll(report); err != nil {
		return m, err
	}
	// The source is as old as the cache: how old what came back may be is not the question.
	cmd := exec.CommandContext(ctx, filepath.Join(string(p), "testprom"),
		"-textfile", filepath.Join(dir, "drill.prom"), "-report", report, "--", filepath.Join(string(p), "drill.test"),
		"-conf", conf, "-stanza", stanza, "-deep", row.Deep, "-rpo", "100000h", "-rto", "2h", "-check-budget", "1h")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "HOME=" + dir}
	cmd.Dir = dir
	// A key pressed at the terminal reaches this program alone, which passes it on.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = graceTime
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	start := time.Now()
	err = cmd.Run()
	took := time.Since(start)
	if ctx.Err() != nil {
		return m, context.Cause(ctx)
	}
	if err != nil {
		return m, fmt.Errorf("the drill was no pass: %w\n%s", err, said.String())
	}
	content, err := os.ReadFile(report)
	if err != nil {
		return m, err
	}
	if m, err = reported(content); err != nil {
		return m, fmt.Errorf("%s: %w", report, err)
	}
	m.Seconds = took.Seconds()
	return m, nil
}

// checkPart stands before the name of a deeper check.
const checkPart = "check "

// replayedNote is how a drill says what replay took.
var replayedNote = regexp.MustCompile(`^timeline \d+ replayed up to \S+, \d+ segments in ([\d.]+) s`)

// reported reads what a report says of the parts of a drill.
func reported(content []byte) (m Measurement, err error) {
	var report struct {
		Steps []struct {
			Name    string  `json:"name"`
			Seconds float64 `json:"seconds"`
		} `json:"steps"`
		Notes  []string `json:"notes"`
		Values []struct {
			Name   string            `json:"name"`
			Labels map[string]string `json:"labels"`
			Value  float64           `json:"value"`
		} `json:"measurements"`
	}
	if err = json.Unmarshal(content, &report); err != nil {
		return m, err
	}
	m.Parts = map[string]float64{}
	for _, step := range report.Steps {
		m.Parts[step.Name] = step.Seconds
	}
	rto := 0.0
	for _, value := range report.Values {
		switch value.Name {
		case "rto_seconds":
			rto = value.Value
		case "check_duration_seconds":
			m.Parts[checkPart+value.Labels["check"]] = value.Value
		}
	}
	for _, note := range report.Notes {
		if match := replayedNote.FindStringSubmatch(note); match != nil {
			m.Redo, _ = strconv.ParseFloat(match[1], 64) // digits and dots
		}
	}
	if rto == 0 {
		return m, errors.New("it has no rto_seconds")
	}
	m.Restore = m.Parts["restore"]
	m.Replay = rto - m.Restore
	return m, nil
}
