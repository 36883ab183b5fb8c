package suite

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// record is a Handle that keeps what is said through it.
type record struct {
	lines bytes.Buffer
	attrs []string // key=value, in their order
}

func (r *record) Attr(key, value string) { r.attrs = append(r.attrs, key+"="+value) }
func (r *record) Output() io.Writer      { return &r.lines }

// The last one registered is undone first, and each of them once.
func TestUndo_OrderAndOnce(t *testing.T) {
	out := NewOut(&record{})
	var done []string
	for _, name := range []string{"lock", "source", "machine"} {
		out.Undo(func(context.Context, Out) error { done = append(done, name); return nil })
	}
	require.NoError(t, out.Undone(t.Context()))
	require.NoError(t, out.Undone(t.Context()))
	assert.Equal(t, []string{"machine", "source", "lock"}, done)
	out.Undo(func(context.Context, Out) error { done = append(done, "late"); return nil })
	require.NoError(t, out.Undone(t.Context()))
	assert.Equal(t, []string{"machine", "source", "lock", "late"}, done, "what came after that is undone by itself")
}

// A failed undo keeps none of the others from being done, and every error is told.
func TestUndo_AFailureKeepsNoOther(t *testing.T) {
	out := NewOut(&record{})
	first, last, done := errors.New("first"), errors.New("last"), 0
	for _, err := range []error{first, nil, last} {
		out.Undo(func(context.Context, Out) error { done++; return err })
	}
	err := out.Undone(t.Context())
	require.ErrorIs(t, err, first)
	require.ErrorIs(t, err, last)
	assert.Equal(t, 3, done)
}

// What could not be undone is tried again by the next call, and nothing else is; a sandbox whose
// daemon was just restarting goes then.
func TestUndo_AFailureIsTriedAgain(t *testing.T) {
	out := NewOut(&record{})
	var done []string
	busy := map[string]error{"source": errors.New("busy"), "machine": errors.New("busy")}
	for _, name := range []string{"lock", "source", "machine"} {
		out.Undo(func(context.Context, Out) error {
			done = append(done, name)
			err := busy[name]
			delete(busy, name)
			return err
		})
	}
	require.Error(t, out.Undone(t.Context()))
	require.NoError(t, out.Undone(t.Context()))
	require.NoError(t, out.Undone(t.Context()))
	assert.Equal(t, []string{"machine", "source", "lock", "machine", "source"}, done)
}

// What is registered while something is undone, such as a machine that is made to look at
// what is left, is undone next. Its Out is that of whoever undoes.
func TestUndo_WhileUndoing(t *testing.T) {
	said := &record{}
	out := NewOut(said)
	var done []string
	out.Undo(func(context.Context, Out) error { done = append(done, "source"); return nil })
	out.Undo(func(_ context.Context, to Out) error {
		to.Say("looking at what is left")
		to.Undo(func(context.Context, Out) error { done = append(done, "made meanwhile"); return nil })
		return nil
	})
	require.NoError(t, out.Undone(t.Context()))
	assert.Equal(t, []string{"made meanwhile", "source"}, done)
	assert.Equal(t, "looking at what is left\n", said.lines.String())
}
