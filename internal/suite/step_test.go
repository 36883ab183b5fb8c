package suite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var scenarios = map[string]func(*testing.T){
	"passes":             func(t *testing.T) { t.Helper(); runTrial(t, nil) },
	"fails":              func(t *testing.T) { t.Helper(); runTrial(t, failHere) },
	"panics":             func(t *testing.T) { t.Helper(); runTrial(t, panicHere) },
	"is stopped":         func(t *testing.T) { t.Helper(); runTrial(t, stopHere) },
	"waits for ever":     func(t *testing.T) { t.Helper(); runTrial(t, waitHere) },
	"undo fails":         undoFails,
	"claims":             claims,
	"nothing to ask of":  nothingToAskOf,
	"hostile":            hostile,
	"says forged events": sayForged,
	"says everything":    saysEverything,
}

func failHere(context.Context) error  { return errors.New("it broke") }
func panicHere(context.Context) error { panic("it broke") }

// waitHere waits until the run's time is over.
func waitHere(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// runTrial is a run whose second step does what it is told. Each step but the third registers
// something to undo, and teardown undoes it unless the whole process dies before.
func runTrial(t *testing.T, second func(context.Context) error) {
	t.Helper()
	run := Begin(t, trial, "source.go")
	undo := func(out Out, name string) {
		out.Undo(func(ctx context.Context, to Out) error { to.Say("say undo %s, %v", name, ctx.Err()); return nil })
	}
	one := Step(run, "first", func(_ context.Context, out Out, in int) (int, error) {
		undo(out, "first")
		return in + 1, nil
	}, 41)
	two := Step(run, "second", func(ctx context.Context, out Out, in int) (string, error) {
		undo(out, "second")
		out.Say("say second gets %d", in)
		if second == nil {
			return "made", nil
		}
		return "half-made", second(ctx)
	}, one)
	_ = Step(run, "third", func(_ context.Context, out Out, in string) (int, error) {
		out.Say("say third gets %s", in)
		return 0, nil
	}, two)
	Always(run, "teardown", func(ctx context.Context, out Out) error {
		out.Say("say teardown, %v, after %q", ctx.Err(), two)
		return out.Undone(ctx)
	})
}

// stopHere is a step that is stopped by a signal, as by the user who waits for it.
func stopHere(ctx context.Context) error {
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		return err
	}
	<-ctx.Done()
	return errors.New("a child was killed")
}

// What a step returns goes into the next one; what was made is undone in the end, once.
func TestStep_Passes(t *testing.T) {
	p := play(t, "passes")
	require.Zero(t, p.status, p.output)
	assert.Equal(t, []string{
		"second gets 42", "third gets made", `teardown, <nil>, after "made"`, "undo second, <nil>", "undo first, <nil>",
	}, p.said)
	assert.Empty(t, p.attrs)
}

// The steps after a failed one fail without a reason, and without being run; teardown runs.
// What the failed one returned beside its error is never used.
func TestStep_Fails(t *testing.T) {
	p := play(t, "fails")
	assert.Equal(t, 1, p.status)
	assert.Equal(t, map[string]string{
		"": "FAIL", "first": "PASS", "second": "FAIL", "third": "FAIL", "teardown": "PASS",
	}, p.result)
	assert.Equal(t, map[string][]string{"second": {"reason=smoke_query", "detail=it broke"}}, p.attrs)
	assert.Contains(t, p.output, "not run: an earlier step failed")
	assert.Equal(t, []string{
		"second gets 42", `teardown, <nil>, after ""`, "undo second, <nil>", "undo first, <nil>",
	}, p.said)
}

// A panic ends the whole run; what was made is undone all the same.
func TestStep_Panics(t *testing.T) {
	p := play(t, "panics")
	assert.Equal(t, 2, p.status)
	assert.Equal(t, []string{"second gets 42", "undo second, <nil>", "undo first, <nil>"}, p.said)
	assert.Contains(t, p.output, "panic: it broke")
	assert.NotContains(t, p.result, "third")
}

// A step that -run leaves out keeps the ones after it from running; teardown runs.
func TestStep_LeftOut(t *testing.T) {
	p := play(t, "passes", "-test.run", "^TestScenario$/^(second|third|teardown)$")
	assert.Equal(t, 1, p.status)
	assert.Equal(t, map[string]string{"": "FAIL", "second": "FAIL", "third": "FAIL", "teardown": "PASS"}, p.result)
	assert.Empty(t, p.attrs)
	assert.Equal(t, []string{`teardown, <nil>, after ""`}, p.said)

	p = play(t, "passes", "-test.run", "^TestScenario$/^(first|third|teardown)$")
	assert.Equal(t, map[string]string{"": "FAIL", "first": "PASS", "third": "FAIL", "teardown": "PASS"}, p.result)
	assert.Equal(t, []string{`teardown, <nil>, after ""`, "undo first, <nil>"}, p.said)
}

// Teardown has a context of its own: that of a run that was stopped, or whose deadline is
// spent, is over.
func TestAlways_ContextLives(t *testing.T) {
	p := play(t, "is stopped")
	assert.Equal(t, []string{
		"reason=interrupted", "detail=stopped by signal: terminated (a child was killed)",
	}, p.attrs["second"])
	assert.Equal(t, "PASS", p.result["teardown"])
	assert.Contains(t, p.said, "undo first, <nil>")

	p = play(t, "waits for ever", "-test.timeout", "2s")
	assert.Contains(t, p.attrs["second"], "reason=timeout")
	assert.Equal(t, "PASS", p.result["teardown"])
	assert.Contains(t, p.said, "undo first, <nil>")
}

// undoFails leaves everything to the end of the run.
func undoFails(t *testing.T) {
	t.Helper()
	run := Begin(t, trial, "source.go")
	Step(run, "first", func(_ context.Context, out Out, _ int) (int, error) {
		out.Undo(func(_ context.Context, to Out) error { to.Say("say undone"); return nil })
		out.Undo(func(context.Context, Out) error { return errors.New("it stays") })
		return 0, nil
	}, 0)
}

// What cannot be undone at the end of a run fails the suite's own test.
func TestBegin_UndoFails(t *testing.T) {
	p := play(t, "undo fails")
	assert.Equal(t, 1, p.status)
	assert.Equal(t, "PASS", p.result["first"])
	assert.Equal(t, map[string][]string{"": {"reason=sandbox_failed", "detail=it stays"}}, p.attrs)
	assert.Equal(t, []string{"undone"}, p.said)
}

// -short leaves the whole suite out, and says what is meant by it.
func TestBegin_Short(t *testing.T) {
	p := play(t, "passes", "-test.short")
	assert.Zero(t, p.status)
	assert.Equal(t, map[string]string{"": "SKIP"}, p.result)
	assert.Contains(t, p.output, "-short leaves the trial out")
}

// Beside its source a run leaves a file that is younger than go test's cache may be.
func TestBegin_IsNeverCached(t *testing.T) {
	dir := t.TempDir()
	require.Zero(t, playIn(t, dir, "passes").status)
	assert.NoFileExists(t, filepath.Join(dir, ".last-run"), "a compiled test, elsewhere")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "source.go"), nil, 0o600))
	require.Zero(t, playIn(t, dir, "passes").status)
	assert.FileExists(t, filepath.Join(dir, ".last-run"))
}

// A busy daemon gets more time to remove a sandbox than one whose run somebody stopped, and none that the deadline
// of the test does not leave.
func TestRun_FinalTime(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	soon, end := context.WithTimeout(t.Context(), time.Minute)
	defer end()
	assert.Equal(t, finalTime, (&Run{ctx: context.Background()}).finalTime())
	assert.Equal(t, stepGrace, (&Run{ctx: stopped}).finalTime())
	assert.Equal(t, stepGrace, (&Run{ctx: soon}).finalTime())
	assert.Equal(t, time.Hour, (&Run{ctx: stopped, suite: Suite{FinalTime: time.Hour}}).finalTime())
}
