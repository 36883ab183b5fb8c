package testreport

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// recorded are all lines of the recorded streams.
func recorded(tb testing.TB) (lines [][]byte) {
	tb.Helper()
	files, err := filepath.Glob("../../../fixtures/streams/*.jsonl")
	require.NoError(tb, err)
	require.NotEmpty(tb, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(tb, err)
		lines = append(lines, bytes.Split(text, []byte("\n"))...)
	}
	return lines
}

// both decodes a line on the fast way and with encoding/json.
func both(t *testing.T, line []byte) {
	t.Helper()
	slow, errSlow := (&decoder{slow: true}).decode(line)
	fast, errFast := (&decoder{}).decode(line)
	require.Equal(t, errSlow, errFast, "%q", line)
	require.Equal(t, slow, fast, "%q", line)
}

func TestDecode_FastWayAgreesWithEncodingJSONOnEveryRecordedLine(t *testing.T) {
	taken, d := 0, decoder{}
	for _, line := range recorded(t) {
		both(t, line)
		if len(line) > 1 && d.fast(line) {
			taken++
		}
	}
	assert.Greater(t, taken, 3000, "the fast way is hardly ever taken")
}

func FuzzDecode(f *testing.F) {
	for i, line := range recorded(f) {
		if i%37 == 0 {
			f.Add(line)
		}
	}
	for _, line := range []string{
		`{"Action":"output","Output":"\ud83d\ude00\u0000\b"}`, `{"Action":"pass","Elapsed":1e3}`,
		`{"Action":"pass","Elapsed":-1}`,
		`{"action":"pass"}`, `{"Action":null}`, `{"Action":"a","Action":"b"}`, `{"Action":"a","Elapsed":01}`,
		`{"Action":"a","Elapsed":.5}`,
		`{"Action":"a","Elapsed":1.}`, `{"Action":"` + "\xff" + `"}`, `{"Action":"a"} `, `{"Action":"a"}x`,
		`{"Action" : "a"}`, `{"Action":"a","X":{"Y":[1]}}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(both)
}

// FuzzCollector holds that no input crashes the collector, that none passes
// which does not name every step it has to, and that the report is bounded.
func FuzzCollector(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, s := range []suite.Suite{suite.Drill, suite.Backup} {
			holds(t, s, stream)
		}
	})
}

func holds(t *testing.T, s suite.Suite, stream []byte) {
	t.Helper()
	c := New(s)
	require.NoError(t, c.Read(bytes.NewReader(stream)))
	r := c.Report(nil)
	require.Equal(t, r.Reason.Exit(), r.Verdict.Exit)
	require.Len(t, r.Steps, len(s.Steps))
	if r.Verdict.Exit != reason.ExitPass {
		require.NotEmpty(t, r.Detail)
		return
	}
	require.Equal(t, Sound, r.Backups)
	require.Empty(t, r.Problems)
	for i, step := range r.Steps {
		if step.Outcome == NotAsked {
			require.True(t, s.Steps[i].Optional, step.Name)
			continue
		}
		require.Equal(t, Passed, step.Outcome)
		require.GreaterOrEqual(t, bytes.Count(stream, []byte(step.Name)), 2)
	}
}

func TestLines_OfAnyLengthAreReadInBoundedMemory(t *testing.T) {
	long := strings.Repeat("x", 3*maxLine)
	r := newLineReader(strings.NewReader("a\n" + long + "\nb\n\nlast"))
	for _, want := range []struct {
		length int
		whole  bool
	}{{1, true}, {maxLine, false}, {1, true}, {0, true}, {4, true}} {
		line, whole, err := r.next()
		require.NoError(t, err)
		assert.Equal(t, want.whole, whole)
		assert.Len(t, bytes.TrimSuffix(line, []byte("\n")), want.length)
	}
	_, _, err := r.next()
	require.Error(t, err)
}
