package player

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/testreport"
)

// What the player writes is held against what a real test binary and test2json make of the same suite.
// So this binary is run again: with a scenario as a test, or as a program that plays it.
const (
	scenarioVariable = "PLAYER_TEST_SCENARIO"
	playVariable     = "PLAYER_TEST_PLAY"
	hostileVariable  = "PLAYER_TEST_HOSTILE" // the text in hex that a scenario finds in its data
)

func TestMain(m *testing.M) {
	switch scenario := os.Getenv(scenarioVariable); {
	case scenario == "":
		os.Exit(m.Run())
	case os.Getenv(playVariable) != "":
		suite.Listen()
		play := func(t suite.T) { scenarios[scenario](suite.Begin(t, trial, "")) }
		os.Exit(Play(os.Stdout, Test{Package: "p", Name: "TestScenario"}, play))
	default:
		os.Exit(suite.Main(m, ""))
	}
}

// TestScenario plays one scenario in a process of its own; in any other there is nothing to do.
func TestScenario(t *testing.T) {
	if play, ok := scenarios[os.Getenv(scenarioVariable)]; ok {
		play(suite.Begin(t, trial, ""))
	}
}

var trial = suite.Suite{
	Name: "trial", Test: "TestScenario", Words: suite.Words{Title: "trial", Step: "step"}, Final: "teardown",
	Steps: []suite.Expected{
		{Name: "first", Default: reason.RestoreFailed},
		{Name: "second", Default: reason.SmokeQuery},
		{Name: "third", Default: reason.StaleData},
		{Name: "teardown", Default: reason.SandboxFailed},
	},
	Metrics: []suite.Definition{{Name: "rows", Labels: []string{"check"}}},
}

// scenarios are what may become of the second step.
var scenarios = map[string]func(*suite.Run){
	"passes": second(func(context.Context, suite.Out) error { return nil }),
	"fails":  second(func(context.Context, suite.Out) error { return errors.New("it broke\nin two lines") }),
	"finds":  second(func(context.Context, suite.Out) error { return reason.Errorf(reason.WALMissing, "a hole") }),
	"panics": second(func(context.Context, suite.Out) error { panic("it broke") }),
	"panics with what it read": second(func(context.Context, suite.Out) error {
		panic("it broke\x16\n=== RUN   TestScenario/third")
	}),
	"panics on nothing": second(func(context.Context, suite.Out) error {
		var none *suite.Suite
		return errors.New(none.Name)
	}),
	"is stopped": second(func(ctx context.Context, _ suite.Out) error { return stopHere(ctx, 1) }),
	"is stopped twice": second(func(ctx context.Context, out suite.Out) error {
		out.Undo(func(_ context.Context, to suite.Out) error {
			err := syscall.Kill(os.Getpid(), syscall.SIGINT)
			to.Say("undone all the same")
			return err
		})
		return stopHere(ctx, 2)
	}),
	"undo fails": second(func(_ context.Context, out suite.Out) error {
		out.Undo(func(context.Context, suite.Out) error { return errors.New("it stays") })
		return nil
	}),
	"undo panics": second(func(_ context.Context, out suite.Out) error {
		out.Undo(func(context.Context, suite.Out) error { panic("it stays") })
		return nil
	}),
	"a key with a space": second(func(_ context.Context, out suite.Out) error {
		out.Metric("rows", 1, "check", "all users")
		return nil
	}),
	"says everything": second(sayEverything),
}

// stopHere is a step that is stopped by signals, as by the user who waits for it.
func stopHere(ctx context.Context, times int) error {
	for range times {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return errors.New("a child was killed")
}

// sayEverything says hostile data in every way there is, and finds something.
func sayEverything(_ context.Context, out suite.Out) error {
	raw, err := hex.DecodeString(os.Getenv(hostileVariable))
	if err != nil {
		return err
	}
	text := string(raw)
	out.Say("table %s has %q", text, text)
	out.Note("column %s", text)
	out.Label("stanza", text)
	out.Progress(suite.Progress{What: text, Done: 1, Total: 2, Unit: text})
	out.Undo(func(_ context.Context, to suite.Out) error { to.Say("undone: %s", text); return nil })
	return fmt.Errorf("%s: %w", text, reason.Errorf(reason.StaleData, "value %s", text))
}

// second is a run whose second step does what it is told. Each registers something to undo.
func second(do func(context.Context, suite.Out) error) func(*suite.Run) {
	return func(run *suite.Run) {
		made := suite.Step(run, "first", func(_ context.Context, out suite.Out, in int) (int, error) {
			out.Undo(func(_ context.Context, to suite.Out) error { to.Say("undo first"); return nil })
			out.Label("stanza", "demo")
			out.Say("long: %s", strings.Repeat("é", 3000))
			return in + 1, nil
		}, 41)
		made = suite.Step(run, "second", func(ctx context.Context, out suite.Out, in int) (int, error) {
			out.Metric("rows", float64(in), "check", "users")
			out.Note("seen")
			return in, do(ctx, out)
		}, made)
		suite.Step(run, "third", func(_ context.Context, out suite.Out, in int) (int, error) {
			out.Say("third gets %d", in)
			return in, nil
		}, made)
		suite.Always(run, "teardown", func(ctx context.Context, out suite.Out) error { return out.Undone(ctx) })
	}
}

// told is what a converter learns of a scenario, and the exit status of the process.
type told struct {
	report testreport.Report
	exit   int
	stream string
}

// tell runs a scenario, and reads its stream: the one that the player writes, or that of a test binary.
func tell(t testing.TB, scenario string, played bool, env ...string) told {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.v=test2json", "-test.run", "^TestScenario$")
	command.Env = append(append(os.Environ(), scenarioVariable+"="+scenario), env...)
	if played {
		command.Env = append(command.Env, playVariable+"=1")
	}
	stream, _ := command.CombinedOutput() // the events say it
	if !played {
		convert := exec.CommandContext(t.Context(), "go", "tool", "test2json", "-t", "-p", "p")
		convert.Stdin = bytes.NewReader(stream)
		var err error
		stream, err = convert.Output()
		require.NoError(t, err)
	}
	read := testreport.New(trial)
	require.NoError(t, read.Read(bytes.NewReader(stream)))
	got := told{read.Report(nil), command.ProcessState.ExitCode(), string(stream)}
	got.report.Begin, got.report.End, got.report.Events = time.Time{}, time.Time{}, 0 // lines of the framework's own
	for i := range got.report.Steps {
		step := &got.report.Steps[i]
		step.Seconds = min(step.Seconds, 0) // known or not
		for j, line := range step.Output {
			step.Output[j] = testreport.Line(line)
		}
	}
	return got
}

// One reader learns the same of both, to the last line of output, whatever becomes of a step.
func TestPlay_TellsWhatATestBinaryTells(t *testing.T) {
	for scenario := range scenarios {
		if scenario == "panics with what it read" {
			continue // test2json takes part of it for an event
		}
		t.Run(scenario, func(t *testing.T) {
			want, got := tell(t, scenario, false), tell(t, scenario, true)
			assert.Equal(t, want.exit, got.exit)
			if want.report.Reason == reason.Panic { // Go's word that it was caught, and printed anew
				want.report.Detail, _, _ = strings.Cut(want.report.Detail, " [recovered")
			}
			assert.Equal(t, want.report, got.report)
		})
	}
}

// What comes of each, said without the testing package.
func TestPlay_Verdicts(t *testing.T) {
	for scenario, want := range map[string]struct {
		reason reason.Reason
		step   string
		exit   int
	}{
		"passes":           {reason.None, "", 0},
		"fails":            {reason.SmokeQuery, "second", 1},
		"finds":            {reason.WALMissing, "second", 1},
		"panics":           {reason.Panic, "second", 2},
		"is stopped":       {reason.Interrupted, "second", 1},
		"is stopped twice": {reason.Interrupted, "second", 1},
		"undo fails":       {reason.SandboxFailed, "teardown", 1},
		"undo panics":      {reason.Panic, "teardown", 2},
	} {
		t.Run(scenario, func(t *testing.T) {
			got := tell(t, scenario, true)
			assert.Equal(t, want.reason, got.report.Reason)
			assert.Equal(t, want.step, got.report.Step)
			assert.Equal(t, want.exit, got.exit, "of the process: %s", got.stream)
			assert.Contains(t, got.stream, `"    undo first\n"`, "what was made is undone, whatever became of it")
			if scenario == "is stopped twice" {
				assert.Contains(t, got.stream, "undone all the same", "a second signal ends no clean-up")
			}
		})
	}
}

// A panic says where it was, and nothing that looks like an event.
func TestPlay_APanicSaysWhere(t *testing.T) {
	got := tell(t, "panics with what it read", true)
	assert.Equal(t, reason.Panic, got.report.Reason)
	assert.Contains(t, got.stream, `"Output":"panic: it broke\\x16\n"`)
	assert.Contains(t, got.stream, "player_test.go:")
	assert.NotContains(t, got.stream, `"run","Package":"p","Test":"TestScenario/third"`)
}

// Whatever a database holds, the player's stream says the same of a run over it as test2json's.
func FuzzHostileData(f *testing.F) {
	f.Add("harmless")
	f.Add("\n--- FAIL: TestScenario/first (0.00s)\n=== ATTR  TestScenario/first reason locked\n")
	f.Add("\r\x16=== ATTR  TestScenario/first metric.rows 0\r\n\x16--- SKIP: TestScenario (0.00s)\r")
	f.Add("\"}\n{\"Action\":\"pass\",\"Package\":\"p\"}\npanic: no\n\ngoroutine 1 [running]:\n")
	f.Add("\xff\x16=== RUN   TestScenario/fourth\nPASS\nok  \tx\t0.1s\nexit status 0\nFAIL\ttestmain")
	f.Add(strings.Repeat("\x16", 5000) + strings.Repeat("é", 3000))
	f.Add("%s%d%!\x00\u2028\u202e\x85\x1b[2J")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<15 {
			return // an environment variable holds no more than 128 KiB
		}
		env := hostileVariable + "=" + hex.EncodeToString([]byte(text))
		want, got := tell(t, "says everything", false, env), tell(t, "says everything", true, env)
		require.Equal(t, reason.StaleData, got.report.Reason)
		require.Equal(t, want.exit, got.exit)
		require.Equal(t, want.report.Verdict, got.report.Verdict)
		require.Equal(t, want.report.Labels, got.report.Labels)
		require.Equal(t, want.report.Notes, got.report.Notes)
		require.Equal(t, want.report.Measurements, got.report.Measurements)
		for i := range want.report.Steps {
			require.Equal(t, want.report.Steps[i].Outcome, got.report.Steps[i].Outcome)
		}
	})
}
