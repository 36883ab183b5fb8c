package wait

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFor_EndsWhenTheConditionComesTrue(t *testing.T) {
	asked := 0
	err := For(t.Context(), "three", time.Millisecond, func(context.Context) error {
		if asked++; asked < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 3, asked)
}

func TestFor_EndsAtOnceWhenNothingCanHelp(t *testing.T) {
	dead := errors.New("it is dead")
	err := For(t.Context(), "a corpse", time.Hour,
		func(context.Context) error { return errors.Join(errors.New("first"), Stop(dead)) })
	assert.ErrorIs(t, err, dead)
	assert.ErrorContains(t, err, "waiting for a corpse")
}

func TestFor_SaysWhatItWaitedForAndTheLastAnswer(t *testing.T) {
	cause, last := errors.New("the deadline is spent"), errors.New("still starting")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Millisecond, cause)
	defer cancel()
	err := For(ctx, "the server", time.Millisecond, func(context.Context) error { return last })
	assert.ErrorIs(t, err, cause)
	assert.ErrorIs(t, err, last)
	assert.ErrorContains(t, err, "waiting for the server")
}
