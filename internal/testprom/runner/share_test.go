package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/textfile"
)

// others are hosts that say what they are told to; the real ones are in package incustest.
type others struct {
	of   []string // stanzas that they were asked about
	in   []Place  // where
	why  string
	at   time.Time // of the verdict that makes it so
	exit int       // its status
	err  error
	told []int // exit statuses
	hear func(exit int)

	end   suite.EndElsewhere // what they found at the end of the archive
	mute  error              // of that question
	ended []bool             // whether they were told that it is red
	went  []bool             // whether they were told that this host went there
}

func (o *others) Due(_ context.Context, stanza string, _ time.Duration) (string, time.Time, int, error) {
	o.of = append(o.of, stanza)
	return o.why, o.at, o.exit, o.err
}

func (o *others) Begin(_ context.Context, stanza string, _ time.Time) (
	func(context.Context, int, bool, bool) error, error,
) {
	o.of = append(o.of, stanza)
	if o.err != nil {
		return nil, o.err
	}
	return func(_ context.Context, exit int, went, red bool) error {
		o.told, o.went, o.ended = append(o.told, exit), append(o.went, went), append(o.ended, red)
		if o.hear != nil {
			o.hear(exit)
		}
		return nil
	}, nil
}

func (o *others) End(context.Context, string) (time.Time, bool, error) {
	return o.end.At, o.end.Red, o.mute
}

// among runs testprom as one of several hosts; without others there are none.
func among(o *others, args ...string) (exit int, said string) {
	var out bytes.Buffer
	w := World{
		Stdout: &out, Stderr: &out, Now: time.Now, Textfile: textfile.Files{},
		Env: append(os.Environ(), "DRILL_STANZA=demo"),
		Party: func(in Place) Party {
			if o == nil {
				return nil
			}
			o.in = append(o.in, in)
			return o
		},
	}
	exit = Main(args, w)
	return exit, out.String()
}

// A verdict is told, that of an environment that kept the drill from one is not taken for one.
func TestShare_TellsTheVerdict(t *testing.T) {
	for stream, want := range map[string]int{"pass": 0, "wal-missing": 1, "panic": 2, "teardown-fails": 0} {
		file, err := filepath.Abs("../../../fixtures/streams/" + stream + ".jsonl")
		require.NoError(t, err)
		o := &others{}
		_, said := among(o, "-share", "--", "cat", file)
		assert.Equal(t, []int{want}, o.told, "%s: %s", stream, said)
	}
}

// Whoever hears a verdict relies on it, so that it stands in the textfile by then; one that cannot is none to rely on,
// red or green.
func TestShare_TellsWhatTheTextfileHolds(t *testing.T) {
	for stream, want := range map[string]int{"pass": 0, "wal-missing": 1} {
		file, err := filepath.Abs("../../../fixtures/streams/" + stream + ".jsonl")
		require.NoError(t, err)
		dir := filepath.Join(t.TempDir(), "gone")
		require.NoError(t, os.Mkdir(dir, 0o700))
		prom := filepath.Join(dir, "drill.prom")
		o := &others{hear: func(int) { assert.FileExists(t, prom) }}
		_, said := among(o, "-share", "-textfile", prom, "--", "cat", file)
		assert.Equal(t, []int{want}, o.told, "%s: %s", stream, said)

		o = &others{}
		exit, said := among(o, "-share", "-textfile", prom, "--", "sh", "-c", "cat "+file+"; rm -r "+dir)
		assert.Equal(t, reason.ExitEnvironment, exit, said)
		assert.Equal(t, []int{reason.ExitEnvironment}, o.told, "%s: %s", stream, said)
	}
}

// A stanza that another host drills is left alone; hosts that cannot be asked keep nobody from a drill.
func TestShare_TheOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "h")
	args := append([]string{"-share", "-history", file}, passes(t)...)
	exit, said := among(&others{err: reason.Errorf(reason.Locked, "host b drills it")}, args...)
	assert.Equal(t, reason.ExitEnvironment, exit, said)
	last := history(t, file)
	assert.Equal(t, reason.Locked, last.Reason)
	assert.Contains(t, last.Detail, "host b")

	exit, said = among(&others{err: errors.New("no answer")}, args...)
	assert.Equal(t, reason.ExitPass, exit, said)
	assert.Contains(t, said, "the other hosts are not told: no answer")

	exit, said = among(nil, args...)
	assert.Equal(t, reason.ExitEnvironment, exit, said)
	assert.Equal(t, reason.ConfigInvalid, history(t, file).Reason)
}

// The hosts share the project that the drill's flags name.
func TestShare_InThePlaceOfTheDrill(t *testing.T) {
	o := &others{}
	command := append(passes(t), "-incus-remote=far", "-incus-project=drills")
	exit, said := among(o, append([]string{"-due", "168h"}, command...)...)
	assert.Equal(t, 0, exit, said)
	command[1] = "echo" // cat has no such flags
	_, _ = among(o, append([]string{"-share"}, command...)...)
	_, _ = among(o, append([]string{"-share"}, passes(t)...)...)
	assert.Equal(t, []Place{{"far", "drills"}, {"far", "drills"}, {}}, o.in)
}

// A verdict on the second repository of a stanza is not one on the first.
func TestShare_ByTheNameOfTheVerdict(t *testing.T) {
	o := &others{}
	exit, said := among(o, append([]string{"-share", "-as", "demo.repo2"}, passes(t)...)...)
	assert.Equal(t, 0, exit, said)
	exit, said = among(o, "-due", "168h", "-as", "demo.repo2")
	assert.Equal(t, 0, exit, said)
	exit, said = among(o, "-due", "168h")
	assert.Equal(t, 0, exit, said)
	assert.Equal(t, []string{"demo.repo2", "demo.repo2", "demo"}, o.of)
}

func TestDue(t *testing.T) {
	exit, said := among(&others{}, "-due", "168h")
	assert.Equal(t, 0, exit, said)
	assert.Contains(t, said, "stanza demo is due")

	exit, said = among(&others{err: errors.New("no answer")}, "-due", "168h")
	assert.Equal(t, 0, exit, "two drills are better than none: %s", said)

	exit, said = among(&others{why: "host a drilled it 26h ago"}, "-due", "168h")
	assert.Equal(t, 1, exit, said)
	assert.Contains(t, said, "stanza demo is not due: host a drilled it")

	for _, wrong := range [][]string{
		{"-due", "168h", "-share"},
		{"-due", "168h", "-suite", "backup"},
		{"-share", "-suite", "control", "--", "true"},
		{"-share"},
		{"-share", "-textfile", "drill.prom"},
		{"-due", "-1h"},
	} {
		exit, said = among(&others{}, wrong...)
		assert.Equal(t, 2, exit, "%v: %s", wrong, said)
	}
	exit, said = among(nil, "-due", "168h")
	assert.Equal(t, 2, exit, said)
}

// What this host found before the other one's verdict is no news any more: it would make a stale alert, or a red one.
func TestDue_ForgetsWhatIsOlder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "drill.prom")
	for _, stanza := range []string{"demo", "other"} {
		args := append([]string{"-textfile", file}, passes(t)...)
		args[len(args)-1] = stanzas(t, stanza)
		exit, said := among(&others{}, args...)
		require.Equal(t, 0, exit, said)
	}
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	exit, said := among(&others{why: "host a drilled it", at: time.Now().Add(-time.Hour)}, "-due", "168h",
		"-textfile", file)
	require.Equal(t, 1, exit, said)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(text), "this host tried since, and may have found it red")

	exit, said = among(&others{why: "host a drilled it", at: time.Now()}, "-due", "168h", "-textfile", file)
	require.Equal(t, 1, exit, said)
	text, err = os.ReadFile(file)
	require.NoError(t, err)
	assert.NotContains(t, string(text), `stanza="demo"`)
	assert.Contains(t, string(text), `stanza="other"`)

	exit, said = among(&others{}, "-due", "168h", "-textfile", file)
	require.Equal(t, 0, exit, said)
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(text), string(after), "what is due is forgotten by nobody")
}

// A host that stands in for another one tells what that one found, with -fleet too, unless it tried since.
func TestDue_ReportsWhatTheOtherFound(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "demo", "drill-report.json")
	require.NoError(t, os.Mkdir(filepath.Dir(file), 0o755))
	for _, exit := range []int{1, 0} {
		o := &others{why: "host a drilled it", at: time.Now().Add(-time.Hour), exit: exit}
		status, said := among(o, "-due", "168h", "-report", file)
		require.Equal(t, 1, status, said)
		status, said = among(nil, "-fleet", dir)
		assert.Equal(t, exit, status, said)
		assert.Contains(t, said, "another host's")
	}
	exit, said := among(nil, append([]string{"-report", file}, passes(t)...)...)
	require.Equal(t, 0, exit, said)
	own := read(t, file)
	o := &others{why: "host a drilled it", at: time.Now().Add(-time.Hour), exit: 1}
	exit, said = among(o, "-due", "168h", "-report", file)
	require.Equal(t, 1, exit, said)
	assert.Equal(t, own, read(t, file), "this host tried since")
	o.at = time.Now().Add(time.Minute)
	exit, said = among(o, "-due", "168h", "-report", file)
	require.Equal(t, 1, exit, said)
	exit, said = among(nil, "-fleet", dir)
	assert.Equal(t, 1, exit, said)
	exit, said = among(&others{}, "-due", "168h", "-report", filepath.Join(dir, "none"))
	require.Equal(t, 0, exit, said)
	assert.NoFileExists(t, filepath.Join(dir, "none"), "what is due is reported by its drill")
}

// A run of this host that reached no verdict stays in the report, and hides none that another host reached since the
// one before it. A verdict of this host that is newer stays as it is.
func TestDue_WhatTheOtherFoundBeforeARunWithoutAVerdict(t *testing.T) {
	today := time.Now().UTC()
	ago := func(hours int) string { return today.Add(-time.Duration(hours) * time.Hour).Format(time.RFC3339) }
	own := func(stanza, verdict string, exit int, why, last string) string {
		return fmt.Sprintf(`{"schema": 1, "suite": "drill", "stanza": %q, "verdict": %q, "exit_status": %d, `+
			`"reason": %q, "ended": %q%s}`, stanza, verdict, exit, why, ago(1), last)
	}
	last := func(verdict, why string, hours int) string {
		return fmt.Sprintf(`, "last_verdict": {"verdict": %q, "reason": %q, "ended": %q}`, verdict, why, ago(hours))
	}
	red, green, newer := last("fail", "wal_missing", 9), last("pass", "none", 9), last("fail", "wal_missing", 2)
	for name, c := range map[string]struct {
		own   string
		heard int
		fleet int
		stays bool
	}{
		"green there since":         {own("demo", "environment", 2, "locked", red), 0, 2, false},
		"red there since":           {own("demo", "environment", 2, "locked", green), 1, 1, false},
		"red there, none here":      {own("demo", "environment", 2, "locked", ""), 1, 1, false},
		"green there, red since":    {own("demo", "environment", 2, "locked", newer), 0, 1, true},
		"green there, and red here": {own("demo", "fail", 1, "wal_missing", ""), 0, 1, true},
		"of another stanza":         {own("shop", "environment", 2, "locked", red), 0, 1, true},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "drill-report.json")
		require.NoError(t, os.WriteFile(file, []byte(c.own), 0o600))
		o := &others{why: "host b drilled it", at: today.Add(-5 * time.Hour), exit: c.heard}
		exit, said := among(o, "-due", "168h", "-report", file)
		require.Equal(t, 1, exit, "%s: %s", name, said)
		assert.Equal(t, c.stays, read(t, file) == c.own, name)
		assert.Contains(t, read(t, file), ago(1), "%s: the run stays", name)
		exit, said = among(nil, "-fleet", dir)
		assert.Equal(t, c.fleet, exit, "%s: %s", name, said)
	}
}

// stanzas is a recorded pass of a stanza.
func stanzas(t *testing.T, stanza string) string {
	t.Helper()
	text, err := os.ReadFile("../../../fixtures/streams/pass.jsonl")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "stream")
	text = bytes.ReplaceAll(text, []byte("stanza demo"), []byte("stanza "+stanza))
	const label = `"Key":"label.stanza","Value":"`
	text = bytes.ReplaceAll(text, []byte(label+`demo"`), []byte(label+stanza+`"`))
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}
