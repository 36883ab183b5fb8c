package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/suite"
)

// writes are the events of a restore in this process: each step by name and how it ends.
func writes(to io.Writer, ends ...string) {
	line := func(format string, args ...any) {
		_, _ = fmt.Fprintf(to, `{"Time":"2026-08-23T02:00:00Z","Package":"p",`+format+"}\n", args...)
	}
	line(`"Action":"start"`)
	line(`"Action":"run","Test":"TestRestore"`)
	for _, end := range ends {
		name, action, _ := strings.Cut(end, " ")
		line(`"Action":"run","Test":"TestRestore/%s"`, name)
		line(`"Action":"output","Test":"TestRestore/%s","Output":"    all of %s\n"`, name, name)
		line(`"Action":"%s","Test":"TestRestore/%s"`, action, name)
	}
	last := "pass"
	if strings.Contains(strings.Join(ends, ","), " fail") {
		last = "fail"
	}
	line(`"Action":"%s","Test":"TestRestore"`, last)
	line(`"Action":"%s"`, last)
}

// allPassed are the steps of a restore that passes.
func allPassed() (list []string) {
	for _, name := range suite.Restore.StepNames() {
		list = append(list, name+" pass")
	}
	return list
}

type closer struct{ bytes.Buffer }

func (c *closer) Close() error { return nil }

// played runs a restore that writes its events, and gives back the exit status and what it printed.
func played(p Played, out io.Writer, signals <-chan os.Signal) int {
	if p.Suite.Name == "" {
		p.Suite = suite.Restore
	}
	return Play(p, World{Program: "veza-restore", Stdout: out, Stderr: out, Now: time.Now, Signals: signals})
}

// A run in this process is shown, judged and reported as one that testprom runs, and the log holds all of it.
func TestPlay_ShowsJudgesAndReports(t *testing.T) {
	var out, log closer
	report := filepath.Join(t.TempDir(), "report.json")
	exit := played(Played{
		Report: report, Log: &Log{Path: "/somewhere/the.log", File: &log}, Stanza: "demo",
		Do: func(s Stage) {
			_, _ = io.WriteString(s.Log, "for the log alone\n")
			writes(s.Events, allPassed()...)
		},
	}, &out, nil)
	assert.Zero(t, exit, out.String())
	assert.Contains(t, out.String(), "PASSED  restore of stanza demo")
	assert.Contains(t, out.String(), "written    "+report+", /somewhere/the.log")
	assert.NotContains(t, out.String(), "for the log alone")

	stamped := regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ( .*)?$`)
	for line := range strings.Lines(log.String()) {
		assert.Regexp(t, stamped, strings.TrimSuffix(line, "\n"))
	}
	for _, want := range []string{
		"for the log alone", "    all of recover", "✓ handover", "PASSED  restore of stanza demo",
	} {
		assert.Contains(t, log.String(), want)
	}
	text, err := os.ReadFile(report)
	require.NoError(t, err)
	var d document
	require.NoError(t, json.Unmarshal(text, &d))
	assert.Equal(t, "restore", d.Suite)
	assert.Equal(t, "pass", d.Verdict)
	assert.Len(t, d.Steps, len(suite.Restore.Steps))
}

// On a terminal the summary says what to type next, whatever else it leaves out.
func TestPlay_SaysWhatComesNext(t *testing.T) {
	var out closer
	exit := Play(Played{Suite: suite.Restore, Do: func(s Stage) {
		writes(s.Events, allPassed()...)
		const note = `{"Action":"attr","Package":"p","Test":"TestRestore","Key":"note","Value":"%s"}` + "\n"
		for i := range 20 {
			_, _ = fmt.Fprintf(s.Events, note, fmt.Sprint("note ", i))
		}
		_, _ = fmt.Fprintf(s.Events, note, "next: pg_autoctl create")
	}}, World{Program: "veza-restore", Stdout: &out, Stderr: &out, Now: time.Now, Colours: true})
	assert.Zero(t, exit)
	assert.Contains(t, out.String(), "\n  next       pg_autoctl create\n")
	assert.Contains(t, out.String(), "    all of handover\n", "what is there now, and what can be done with it")
	assert.NotContains(t, out.String(), "    all of recover\n", "of the others a line moves")
	_, summary, _ := strings.Cut(out.String(), "PASSED")
	assert.LessOrEqual(t, strings.Count(summary, "\n"), summaryLines)
}

// What is restored and not handed over is told apart from what was not restored.
func TestPlay_NotHandedOver(t *testing.T) {
	var out closer
	list := allPassed()
	list[len(list)-1] = "handover fail"
	exit := played(Played{Do: func(s Stage) { writes(s.Events, list...) }}, &out, nil)
	assert.Equal(t, 2, exit)
	assert.Contains(t, out.String(), "PASSED, BUT NOT HANDED OVER  restore of stanza unknown")
}

// A stream that stops is no pass.
func TestPlay_AStreamThatStops(t *testing.T) {
	var out closer
	exit := played(Played{Do: func(s Stage) { writes(s.Events, allPassed()[:4]...) }}, &out, nil)
	assert.Equal(t, 2, exit)
	assert.Contains(t, out.String(), "no_tests")
}

// Signals leave the run its end: the steps hear them themselves. Of the second it is said that it changes nothing.
func TestPlay_SignalsLeaveItsEnd(t *testing.T) {
	out := &screen{}
	signals, gone := make(chan os.Signal), make(chan int)
	goOn := make(chan struct{})
	go func() {
		gone <- played(Played{Do: func(s Stage) {
			<-goOn
			writes(s.Events, allPassed()...)
		}}, out, signals)
	}()
	signals <- syscall.SIGINT
	signals <- syscall.SIGINT
	out.wait(t, "veza-restore: interrupt: it is stopping already")
	close(goOn)
	assert.Zero(t, <-gone, "what came to its end although it was signalled has passed")
	assert.Contains(t, out.String(), "PASSED")
}

// One that does not come to its end after a signal is given up.
func TestPlay_IsGivenUp(t *testing.T) {
	defer func(before time.Duration) { stopTime = before }(stopTime)
	stopTime = 10 * time.Millisecond
	out := &screen{}
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	hasty := suite.Restore
	hasty.FinalTime = 0
	exit := played(Played{Suite: hasty, Do: func(Stage) { select {} }}, out, signals)
	assert.Equal(t, 2, exit)
	assert.Contains(t, out.String(), "interrupted: ")
	assert.Contains(t, out.String(), "did not come to its end within 10ms of a signal")
}

// A log that takes no more costs neither the run nor its verdict, and is told.
func TestPlay_ALogThatIsFull(t *testing.T) {
	var out closer
	exit := played(Played{
		Log: &Log{Path: "the.log", File: full{}}, Do: func(s Stage) { writes(s.Events, allPassed()...) },
	}, &out, nil)
	assert.Zero(t, exit)
	assert.Contains(t, out.String(), "warning    the log is not whole: no space left on device")
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }
func (full) Close() error              { return nil }

// What keeps the report from being written is found before anything is begun.
func TestPlay_AReportThatCannotBeWritten(t *testing.T) {
	var out closer
	exit := played(Played{
		Report: filepath.Join(t.TempDir(), "nowhere", "report.json"), Do: func(Stage) { t.Error("it was begun") },
	}, &out, nil)
	assert.Equal(t, 2, exit)
	assert.Contains(t, out.String(), "veza-restore: cannot write ")
}
