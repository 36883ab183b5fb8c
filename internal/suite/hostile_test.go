package suite

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// hostileVariable holds the text, in hex, that a scenario finds in its data.
const hostileVariable = "SUITE_TEST_HOSTILE"

// saysEverything is a run over hostile data that says it in every way there is, and finds
// something in its second step.
func saysEverything(t *testing.T) {
	t.Helper()
	raw, err := hex.DecodeString(os.Getenv(hostileVariable))
	require.NoError(t, err)
	text := string(raw)
	run := Begin(t, trial, "source.go")
	say := func(out Out) {
		out.Say("table %s has %q", text, text)
		out.Note("column %s", text)
		out.Label("stanza", text)
		out.Undo(func(_ context.Context, to Out) error { to.Say("undone: %s", text); return nil })
	}
	first := Step(run, "first", func(_ context.Context, out Out, in int) (int, error) {
		say(out)
		return in, nil
	}, 0)
	second := Step(run, "second", func(_ context.Context, out Out, in int) (int, error) {
		say(out)
		return in, fmt.Errorf("%s: %w", text, reason.Errorf(reason.StaleData, "value %s", text))
	}, first)
	_ = Step(run, "third", func(_ context.Context, _ Out, in int) (int, error) { return in, nil }, second)
	Always(run, "teardown", func(_ context.Context, out Out) error {
		say(out)
		return errors.Join(out.Undone(context.Background()), errors.New(text))
	})
}

// told is what a converter learns from a run: the attributes by test and key, and how each test ended.
func told(t testing.TB, text string) (attrs, ends []string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.v=test2json", "-test.run", "^TestScenario$")
	command.Env = append(os.Environ(), scenarioVariable+"=says everything",
		hostileVariable+"="+hex.EncodeToString([]byte(text)))
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
			attrs = append(attrs, e.Test+" reason "+e.Value)
		case e.Action == "attr":
			attrs = append(attrs, e.Test+" "+e.Key)
		case e.Test != "" && slices.Contains([]string{"run", "pass", "fail", "skip"}, e.Action):
			ends = append(ends, e.Test+" "+e.Action)
		}
	}
	return attrs, ends
}

// Whatever a database holds, a real test binary and test2json make the same of a run over it: the
// attributes, and how each step ended.
func FuzzHostileData(f *testing.F) {
	f.Add("harmless")
	f.Add(forged)
	f.Add("\n--- FAIL: TestScenario/first (0.00s)\n=== ATTR  TestScenario/first reason locked\n")
	f.Add("\r\x16=== ATTR  TestScenario/first metric.rpo_seconds 0\r\n\x16--- SKIP: TestScenario (0.00s)\r")
	f.Add("\x16\x16=== NAME  \n\x16=== PAUSE TestScenario/first\n\x16=== CONT  TestScenario/third\npanic: no\n")
	f.Add("\xff\x16=== RUN   TestScenario/fourth\nPASS\nok  \tx\t0.1s\nexit status 0\nFAIL\ttestmain")
	f.Add(strings.Repeat("\x16", 5000) + strings.Repeat("é", 3000))
	f.Add("%s%d%!\x00\u2028\u202e\x85\x1b[2J")
	attrs, ends := told(f, "nothing")
	require.Contains(f, attrs, "TestScenario/second reason stale_data")
	require.Contains(f, ends, "TestScenario/first pass")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<15 {
			return // an environment variable holds no more than 128 KiB
		}
		gotAttrs, gotEnds := told(t, text)
		require.Equal(t, attrs, gotAttrs)
		require.Equal(t, ends, gotEnds)
	})
}
