package suite

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// claims asks three claims of four, of which the first fails.
func claims(t *testing.T) {
	t.Helper()
	run := Begin(t, trial, "source.go")
	opened := Open(run, func(_ context.Context, out Out, in string) (string, error) {
		out.Label("stanza", in)
		out.Undo(func(_ context.Context, to Out) error { to.Say("say closed"); return nil })
		return in + ", open", nil
	}, "demo")
	run.Ask([]string{"second", "first", "teardown"})
	Claim(run, "first", func(_ context.Context, out Out, in string) error {
		out.Say("say first of %s", in)
		return errors.New("it does not hold")
	}, opened)
	Claim(run, "second", func(context.Context, Out, string) error {
		return reason.Errorf(reason.WALMissing, "a hole")
	}, opened)
	Claim(run, "third", func(_ context.Context, out Out, _ string) error {
		out.Say("say third")
		return nil
	}, opened)
	Claim(run, "teardown", func(_ context.Context, out Out, in string) error {
		out.Say("say last of %s", in)
		return nil
	}, opened)
}

// Each claim stands for itself; one that is not asked is not started. Which ones are asked is
// published by the suite's own test.
func TestClaim(t *testing.T) {
	p := play(t, "claims")
	assert.Equal(t, 1, p.status)
	assert.Equal(t, map[string]string{"": "FAIL", "first": "FAIL", "second": "FAIL", "teardown": "PASS"}, p.result)
	assert.Equal(t, map[string][]string{
		"":       {"label.stanza=demo", "asked=second first teardown"},
		"first":  {"reason=restore_failed", "detail=it does not hold"},
		"second": {"reason=wal_missing", "detail=a hole"},
	}, p.attrs)
	assert.Equal(t, []string{"first of demo, open", "last of demo, open", "closed"}, p.said)
}

// A claim that -run leaves out keeps none of the others from being asked.
func TestClaim_LeftOut(t *testing.T) {
	p := play(t, "claims", "-test.run", "^TestScenario$/^teardown$")
	require.Zero(t, p.status, p.output)
	assert.Equal(t, map[string]string{"": "PASS", "teardown": "PASS"}, p.result)
	assert.Equal(t, []string{"last of demo, open", "closed"}, p.said)
}

// nothingToAskOf cannot open what the claims would be asked of.
func nothingToAskOf(t *testing.T) {
	t.Helper()
	run := Begin(t, trial, "source.go")
	opened := Open(run, func(_ context.Context, out Out, _ string) (string, error) {
		out.Undo(func(_ context.Context, to Out) error { to.Say("say closed"); return nil })
		return "half open", errors.New("it does not open")
	}, "demo")
	run.Ask([]string{"first"})
	Claim(run, "first", func(_ context.Context, out Out, in string) error {
		out.Say("say first of %s", in)
		return nil
	}, opened)
}

// What keeps all claims from being asked is said once, by the suite's own test; a half-open
// thing is undone.
func TestOpen_Fails(t *testing.T) {
	p := play(t, "nothing to ask of")
	assert.Equal(t, 1, p.status)
	assert.Equal(t, map[string]string{"": "FAIL"}, p.result)
	assert.Equal(t, map[string][]string{"": {"reason=sandbox_failed", "detail=it does not open"}}, p.attrs)
	assert.Equal(t, []string{"closed"}, p.said)
}
