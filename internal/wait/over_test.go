package wait

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// late is a context whose timer fires after its deadline, as it does on a busy machine.
type late struct {
	context.Context
	deadline time.Time
}

func (l late) Deadline() (time.Time, bool) { return l.deadline, true }

func TestOver_ADeadlineThatHasPassedCountsBeforeTheTimer(t *testing.T) {
	spent := errors.New("the budget is spent")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, spent)
	defer cancel()
	passed := late{ctx, time.Now().Add(-time.Millisecond)}
	assert.NoError(t, passed.Err())
	assert.True(t, Over(passed))
	assert.Equal(t, spent, context.Cause(passed))
}

func TestOver_NotBeforeTheDeadline(t *testing.T) {
	assert.False(t, Over(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	assert.False(t, Over(ctx))
	cancel()
	assert.True(t, Over(ctx))
}
