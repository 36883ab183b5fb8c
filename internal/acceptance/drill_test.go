package acceptance

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// outcome is what a drill left behind for those who look at it from outside.
type outcome struct {
	status int
	took   time.Duration
	prom   string // the textfile
	said   string // terminal, both streams
	report struct {
		Reason   reason.Reason `json:"reason"`
		Step     string        `json:"step"`
		Detail   string        `json:"detail"`
		Notes    []string      `json:"notes"`
		Doubts   []string      `json:"doubts"`
		Warnings []string      `json:"warnings"`
		Values   []struct {
			Name   string            `json:"name"`
			Labels map[string]string `json:"labels"`
			Value  float64           `json:"value"`
		} `json:"measurements"`
	}
}

// value is a measurement of the report, by name and one label's value.
func (o outcome) value(name, label string) (float64, bool) {
	for _, v := range o.report.Values {
		for _, l := range v.Labels {
			if v.Name == name && l == label {
				return v.Value, true
			}
		}
	}
	return 0, false
}

// flight is a drill under way.
type flight struct {
	*patient
	cmd   *exec.Cmd
	said  bytes.Buffer
	begin time.Time
	name  string // of its outputs
}

// start starts the drill of the copy through testprom, as a user would: nothing of the
// environment but PATH and TMPDIR, and what the case adds.
func (p *patient) start(name string, env []string, args ...string) *flight {
	p.t.Helper()
	return p.startAs(nil, name, env, args...)
}

// startAs starts it behind a command that makes it another user's; who is that
// user already, needs none.
func (p *patient) startAs(prefix []string, name string, env []string, args ...string) *flight {
	p.t.Helper()
	if os.Geteuid() != 0 {
		prefix = nil
	}
	bin, err := programs()
	require.NoError(p.t, err)
	argv := append(slices.Clone(prefix),
		filepath.Join(bin, "testprom"), "-textfile", p.out(name+".prom"), "-report", p.out(name+".json"), "-stream", p.out(name+".jsonl"),
		"--", filepath.Join(bin, "drill.test"))
	f := &flight{patient: p, name: name, cmd: exec.Command(argv[0], append(argv[1:], args...)...)}
	f.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + p.tmp()}, env...)
	f.cmd.Dir = p.dir
	f.cmd.Stdout, f.cmd.Stderr = &f.said, &f.said
	f.begin = time.Now()
	require.NoError(p.t, f.cmd.Start())
	p.t.Cleanup(func() { _ = f.cmd.Process.Kill() }) // only when the case gave up
	return f
}

// end waits for the drill and collects what it left.
func (f *flight) end() outcome {
	f.t.Helper()
	_ = f.cmd.Wait() // the status says it
	o := outcome{status: f.cmd.ProcessState.ExitCode(), took: time.Since(f.begin), said: f.said.String()}
	prom, err := os.ReadFile(f.out(f.name + ".prom"))
	require.NoError(f.t, err, o.said)
	o.prom = string(prom)
	report, err := os.ReadFile(f.out(f.name + ".json"))
	require.NoError(f.t, err, o.said)
	require.NoError(f.t, json.Unmarshal(report, &o.report))
	return o
}

// drill runs one from begin to end. rpo is wide: the seed is as old as these tests.
func (p *patient) drill(env []string, args ...string) outcome {
	p.t.Helper()
	return p.start("drill", env, args...).end()
}

// usual are the arguments that make the drill look at the copy.
func (p *patient) usual(args ...string) []string {
	usual := []string{"-conf", p.conf(), "-rpo", "24h"}
	for _, arg := range args {
		usual = append(usual, p.fill(arg))
	}
	return usual
}

// signal tells testprom to stop.
func (f *flight) signal(s syscall.Signal) {
	f.t.Helper()
	require.NoError(f.t, f.cmd.Process.Signal(s))
}

// reach waits until a step has begun.
func (f *flight) reach(step string) {
	f.t.Helper()
	eventually(f.t, "step "+step+" to begin", func() string {
		stream, _ := os.ReadFile(f.out(f.name + ".jsonl")) // it may not be there yet
		for line := range strings.Lines(string(stream)) {
			if strings.Contains(line, `"Action":"run"`) && strings.Contains(line, `"TestDrill/`+step+`"`) {
				return ""
			}
		}
		return "not yet"
	})
}
