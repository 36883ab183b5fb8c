package drilltest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// getAsync is the one setting that whoever runs the tests may give to every drill: each fault must be found both ways.
const getAsync = "DRILL_GET_ASYNC"

// patience bounds every wait of these tests for something that takes a moment.
const patience = 10 * time.Minute

// Outcome is what a drill left behind for those who look at it from outside.
type Outcome struct {
	Status int           // exit status of testprom
	Took   time.Duration // from start to end
	Prom   string        // the textfile
	Said   string        // terminal, both streams
	Report struct {
		Reason   reason.Reason     `json:"reason"`
		Backups  string            `json:"backups"`
		Sentence string            `json:"sentence"`
		Step     string            `json:"step"`
		Detail   string            `json:"detail"`
		Notes    []string          `json:"notes"`
		Problems []string          `json:"doubts"`
		Labels   map[string]string `json:"labels"`
		Warnings []string          `json:"warnings"`
		KnownRed []string          `json:"known_red"`
		Steps    []struct {
			Name    string `json:"name"`
			Outcome string `json:"outcome"`
		} `json:"steps"`
		Values []struct {
			Name   string            `json:"name"`
			Labels map[string]string `json:"labels"`
			Value  float64           `json:"value"`
		} `json:"measurements"`
	}
}

// Value is a measurement of the report, by name and one label's value; "" is one that has no label.
func (o Outcome) Value(name, label string) (float64, bool) {
	for _, v := range o.Report.Values {
		if v.Name == name && label == "" && len(v.Labels) == 0 {
			return v.Value, true
		}
		for _, l := range v.Labels {
			if v.Name == name && l == label {
				return v.Value, true
			}
		}
	}
	return 0, false
}

// Plan says how a drill is started.
type Plan struct {
	Programs string   // directory Build filled
	Dir      string   // working directory
	Tmp      string   // TMPDIR
	Out      string   // directory of textfile, report and stream
	Name     string   // their base name
	Env      []string // beside PATH and TMPDIR, which are all a drill gets
	Prefix   []string // a command before it, which makes it another user's
	Args     []string // of the drill
	Flags    []string // of testprom, beside the files it always writes
	Suite    string   // drill, which is the default, backup or control
}

// Flight is a drill under way.
type Flight struct {
	Plan
	t     *testing.T
	cmd   *exec.Cmd
	said  bytes.Buffer
	begin time.Time
}

// Start starts a drill through testprom, as a user would.
func Start(t *testing.T, plan Plan) *Flight {
	t.Helper()
	f := &Flight{Plan: plan, t: t}
	suite := cmp.Or(plan.Suite, "drill")
	program := suite + ".test"
	if suite == "control" { // it is in the package of the drill
		program = "drill.test"
	}
	argv := append(slices.Clone(plan.Prefix),
		filepath.Join(plan.Programs, "testprom"), "-suite", suite,
		"-textfile", f.file("prom"), "-report", f.file("json"), "-stream", f.file("jsonl"))
	argv = append(append(argv, plan.Flags...), "--", filepath.Join(plan.Programs, program))
	f.cmd = exec.Command(argv[0], append(argv[1:], plan.Args...)...)
	f.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + plan.Tmp}
	if how, given := os.LookupEnv(getAsync); given {
		f.cmd.Env = append(f.cmd.Env, getAsync+"="+how)
	}
	f.cmd.Env = append(f.cmd.Env, plan.Env...)
	f.cmd.Dir = plan.Dir
	f.cmd.Stdout, f.cmd.Stderr = &f.said, &f.said
	f.begin = time.Now()
	require.NoError(t, f.cmd.Start())
	t.Cleanup(func() { _ = f.cmd.Process.Kill() }) // only when the case gave up
	return f
}

func (f *Flight) file(suffix string) string { return filepath.Join(f.Out, f.Name+"."+suffix) }

// End waits for the drill and collects what it left.
func (f *Flight) End() Outcome {
	f.t.Helper()
	f.Wait()
	o := Outcome{Status: f.cmd.ProcessState.ExitCode(), Took: time.Since(f.begin), Said: f.said.String()}
	prom, err := os.ReadFile(f.file("prom"))
	if !errors.Is(err, fs.ErrNotExist) { // a drill of the past leaves it alone, also where there is none
		require.NoError(f.t, err, o.Said)
	}
	o.Prom = string(prom)
	report, err := os.ReadFile(f.file("json"))
	require.NoError(f.t, err, o.Said)
	require.NoError(f.t, json.Unmarshal(report, &o.Report))
	return o
}

// Wait waits for the end of testprom alone, when it leaves nothing to collect.
func (f *Flight) Wait() { _ = f.cmd.Wait() } // the status says it

// Signal sends a signal to testprom.
func (f *Flight) Signal(s syscall.Signal) {
	f.t.Helper()
	require.NoError(f.t, f.cmd.Process.Signal(s))
}

// Reach waits until a step has begun.
func (f *Flight) Reach(step string) {
	f.t.Helper()
	Eventually(f.t, "step "+step+" to begin", func() string {
		if Begun(f.file("jsonl"), step) {
			return ""
		}
		return "not yet"
	})
}

// Hear waits until the drill has said something.
func (f *Flight) Hear(words string) {
	f.t.Helper()
	Eventually(f.t, "the drill to say "+words, func() string {
		content, _ := os.ReadFile(f.file("jsonl")) // it may not be there yet
		if strings.Contains(string(content), words) {
			return ""
		}
		return "not yet"
	})
}

// Begun says whether a step has begun, by the stream a drill writes.
func Begun(stream, step string) bool {
	content, _ := os.ReadFile(stream) // it may not be there yet
	for line := range strings.Lines(string(content)) {
		if strings.Contains(line, `"Action":"run"`) && strings.Contains(line, `"TestDrill/`+step+`"`) {
			return true
		}
	}
	return false
}

// Eventually waits until condition says "".
func Eventually(t *testing.T, what string, condition func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, wait.For(ctx, what, 5*time.Millisecond, func(context.Context) error {
		if text := condition(); text != "" {
			return errors.New(text)
		}
		return nil
	}))
}
