package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What PATH leads to is called by its name, anything else as it was.
func TestCallAs(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	own := filepath.Join(dir, "testprom")
	require.NoError(t, os.WriteFile(own, []byte("#!/bin/sh\n"), 0o755)) //nolint:gosec // it is a program
	t.Setenv("PATH", other)
	assert.Equal(t, own, CallAs(own))
	assert.Equal(t, "testprom", CallAs("testprom"))
	t.Chdir(filepath.Dir(dir))
	relative := filepath.Join(filepath.Base(dir), "testprom")
	assert.Equal(t, relative, CallAs(relative))
	t.Setenv("PATH", dir)
	assert.Equal(t, "testprom", CallAs(own))
	content, err := os.ReadFile(own)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(other, "testprom"), content, 0o755)) //nolint:gosec // it is a program
	t.Setenv("PATH", other)
	assert.Equal(t, own, CallAs(own), "another one of that name")
}

// What to type to remove a kept sandbox can be typed here, in a log as on a terminal; the report keeps the run's words.
func TestRemoveIt_NamesThisProgram(t *testing.T) {
	const told = "remove it: testprom -reap -kept /tmp/a"
	stream := drilled("pass", "note="+told, told, "of testprom -reap")
	for _, terminal := range []bool{true, false} {
		w, out, _ := world(strings.NewReader(stream))
		w.Colours, w.Call = terminal, "out/testprom"
		report := filepath.Join(t.TempDir(), "report.json")
		assert.Zero(t, Main([]string{"-report", report}, w), out)
		if terminal {
			assert.Contains(t, out.String(), "\n  remove it  out/testprom -reap -kept /tmp/a\n")
		} else {
			assert.Contains(t, out.String(),
				"\n    remove it: out/testprom -reap -kept /tmp/a\n    of testprom -reap\n")
		}
		assert.NotContains(t, out.String(), "remove it: testprom")
		text, err := os.ReadFile(report)
		require.NoError(t, err)
		assert.Contains(t, string(text), told)
	}
}

// The variables that lead testprom there stay before its name; a line that only looks like it stays as it is.
func TestTypedAs(t *testing.T) {
	for line, want := range map[string]string{
		"remove it: DRILL_INCUS_PROJECT=drills testprom -reap -kept a": "remove it: DRILL_INCUS_PROJECT=drills out/t" +
			" -reap -kept a",
		"remove it: TMPDIR='/a b' testprom -reap -kept /a": "remove it: TMPDIR='/a b' out/t -reap -kept /a",
		"remove it: mytestprom -reap -kept a":              "remove it: mytestprom -reap -kept a",
		"remove it: testprom":                              "remove it: testprom",
		"keep it: testprom -reap -kept a":                  "keep it: testprom -reap -kept a",
	} {
		assert.Equal(t, want, typedAs("out/t", line))
	}
}

// What is left out of the summary is where it says: in the report where there is one, else -v shows it.
func TestSummary_SaysWhereTheRestIs(t *testing.T) {
	lines := append(strings.Split(strings.Repeat("a line;", 8), ";")[:8], "reason=smoke_query", "detail=no table")
	stream := drilled("fail", lines...)
	report := filepath.Join(t.TempDir(), "report.json")
	for want, args := range map[string][]string{"in " + report: {"-report", report}, "testprom -v shows them": nil} {
		w, out, _ := world(strings.NewReader(stream))
		w.Colours = true
		assert.Equal(t, 1, Main(args, w))
		assert.Contains(t, out.String(), " more: "+want+"\n")
	}
}
