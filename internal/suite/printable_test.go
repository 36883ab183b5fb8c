package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What cannot be printed is seen, and what can is left alone.
func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"as it is, é\n\ttoo": "as it is, é\n\ttoo",
		"a\x16b\x1b[31m":     `a\x16b\x1b[31m`,
		"\r\x00\u2028\ufeff": `\r\x00\u2028\ufeff`,
		"not UTF-8: \xff":    `not UTF-8: \xff`,
		"told: \ufffd":       "told: \ufffd",
	} {
		assert.Equal(t, want, Printable(text), "%q", text)
	}
}

// Whatever a database holds, nothing that test2json could take for an event is printed.
func FuzzPrintable(f *testing.F) {
	f.Add("\x16=== ATTR  TestDrill/verify reason locked\n")
	f.Add("\xff\x16\xfe")
	f.Fuzz(func(t *testing.T, text string) {
		said := &record{}
		out := NewOut(said)
		out.Say("%s", text)
		out.Note("%s", text)
		out.Metric("rows", 1, "check", text)
		out.Label("stanza", text)
		all := said.lines.String() + strings.Join(said.attrs, "\n")
		for _, r := range all {
			if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
				t.Fatalf("%q was printed", r)
			}
		}
	})
}

// forged is a name that would be an attribute of the step, a passed step and a failed one.
const forged = "t\x16=== ATTR  TestScenario/second reason locked\n" +
	"\x16--- PASS: TestScenario/second (0.00s)\n\x16=== NAME  TestScenario/third\n" +
	"--- FAIL: TestScenario/first (0.00s)\n"

// hostile is a run over data that would write the verdict itself.
func hostile(t *testing.T) {
	t.Helper()
	runTrial(t, func(context.Context) error { return errors.New("no rows in " + forged) })
}

// sayForged says it in every way a step says what it read, in a run that passes.
func sayForged(t *testing.T) {
	t.Helper()
	run := Begin(t, trial, "source.go")
	_ = Step(run, "first", func(_ context.Context, out Out, in int) (int, error) {
		out.Say("%s", forged)
		out.Note("%s", forged)
		out.Label("stanza", forged)
		return in, nil
	}, 0)
}

// events plays a scenario through test2json, as go test -json does, and returns the reasons
// that were published and how each test ended.
func events(t *testing.T, name string) (reasons, ends []string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.v=test2json", "-test.run", "^TestScenario$")
	command.Env = append(os.Environ(), scenarioVariable+"="+name)
	output, _ := command.Output() // the events say it
	convert := exec.CommandContext(t.Context(), "go", "tool", "test2json")
	convert.Stdin = bytes.NewReader(output)
	stream, err := convert.Output()
	require.NoError(t, err)
	for line := range bytes.Lines(stream) {
		var e struct{ Action, Test, Key, Value string }
		require.NoError(t, json.Unmarshal(line, &e))
		switch {
		case e.Action == "attr" && e.Key == ReasonKey:
			reasons = append(reasons, e.Test+" "+e.Value)
		case e.Test != "" && (e.Action == "pass" || e.Action == "fail"):
			ends = append(ends, e.Test+" "+e.Action)
		}
	}
	return reasons, ends
}

// A name in the data cannot publish a reason, nor end a step.
func TestHostileNames_WriteNoVerdict(t *testing.T) {
	reasons, ends := events(t, "hostile")
	assert.Equal(t, []string{"TestScenario/second smoke_query"}, reasons)
	assert.Equal(t, []string{
		"TestScenario/first pass", "TestScenario/second fail", "TestScenario/third fail", "TestScenario/teardown pass",
		"TestScenario fail",
	}, ends)
	reasons, ends = events(t, "says forged events")
	assert.Empty(t, reasons)
	assert.Equal(t, []string{"TestScenario/first pass", "TestScenario pass"}, ends)
}
