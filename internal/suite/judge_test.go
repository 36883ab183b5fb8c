package suite

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// stopped is a run's context that a signal has ended.
func stopped() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(reason.Errorf(reason.Interrupted, "stopped by signal: terminated"))
	return ctx
}

func requireReason(t *testing.T, want reason.Reason, err error) {
	t.Helper()
	why, _ := reason.Of(err)
	require.Equal(t, want, why, "%v", err)
}

// A run that was stopped is interrupted, whatever a killed child said, and the child's word
// is kept.
func TestJudge_InterruptedWins(t *testing.T) {
	err := judge(stopped(), reason.Errorf(reason.RestoreFailed, "pgbackrest restore:\nkilled"))
	requireReason(t, reason.Interrupted, err)
	require.EqualError(t, err, "stopped by signal: terminated (pgbackrest restore: killed)")
	requireReason(t, reason.Interrupted, judge(stopped(), errors.New("without a reason")))
	requireReason(t, reason.Interrupted, judge(stopped(), host.ErrNotFound))
}

// A budget that was spent before the deadline is what was found.
func TestJudge_FindingStands(t *testing.T) {
	found := fmt.Errorf("restore: %w", Finding(reason.Errorf(reason.RTOExceeded, "the budget is spent")))
	assert.Equal(t, found, judge(stopped(), found))
	requireReason(t, reason.RTOExceeded, judge(stopped(), found))
	assert.EqualError(t, Finding(errors.New("as it is")), "as it is")
}

// A program that is not installed is tool_missing, unless somebody knew better.
func TestJudge_MissingProgram(t *testing.T) {
	requireReason(t, reason.ToolMissing, judge(t.Context(), fmt.Errorf("run psql: %w", host.ErrNotFound)))
	known := reason.Errorf(reason.SandboxFailed, "run psql: %w", host.ErrNotFound)
	assert.Equal(t, known, judge(t.Context(), known))
	other := errors.New("other")
	assert.Equal(t, other, judge(t.Context(), other))
}

// Each step has the reason of an error that carries none; what is no step is the environment's.
func TestFallback(t *testing.T) {
	for _, s := range Suites {
		for _, step := range s.Steps {
			assert.Equal(t, step.Default, s.fallback(s.Test+"/"+step.Name), step.Name)
			assert.Equal(t, step.Default, s.fallback(step.Name), step.Name)
		}
		assert.Equal(t, reason.SandboxFailed, s.fallback(s.Test))
		assert.Equal(t, reason.SandboxFailed, s.fallback(s.Test+"/not"+s.Steps[1].Name))
	}
}
