package suite

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// A run within a run is watched, and says nothing in the name of the other; what it has to undo is its own.
func TestOut_Apart(t *testing.T) {
	said := &record{}
	out := NewOut(said)
	inner := out.Apart()
	inner.Say("seen")
	inner.Note("seen too")
	inner.Metric("rows", 7)
	inner.Label("stanza", "another")
	inner.Progress(Progress{What: "restored", Done: 1, Unit: "files"})
	assert.Equal(t, "seen\nseen too\n", said.lines.String())
	assert.Equal(t, []string{"progress=restored: 1 files"}, said.attrs)

	undone := 0
	inner.Undo(func(context.Context, Out) error { undone++; return nil })
	require.NoError(t, out.Undone(t.Context()))
	assert.Zero(t, undone)
	require.NoError(t, inner.Undone(t.Context()))
	assert.Equal(t, 1, undone)
}

// What ends a step of a run within a run has the reason that it would have in a run of its own.
func TestSuite_Judge(t *testing.T) {
	require.NoError(t, Drill.Judge(t.Context(), "restore", nil))
	requireReason(t, reason.RestoreFailed, Drill.Judge(t.Context(), "restore", errors.New("no reason")))
	requireReason(t, reason.WALMissing,
		Drill.Judge(t.Context(), "preflight", reason.Errorf(reason.WALMissing, "a hole")))
	requireReason(t, reason.Interrupted,
		Drill.Judge(stopped(), "preflight", reason.Errorf(reason.WALMissing, "what a killed child said")))
}

// A drill that lets a fault through has the reason that it should have given: an exit status of 1.
func TestControl_Reasons(t *testing.T) {
	for _, step := range Control.Steps {
		assert.Equal(t, reason.ExitFailed, step.Default.Exit(), step.Name)
		assert.False(t, step.Optional, step.Name)
	}
}
