// Package wait is the one place where the project waits: for a condition, with
// a bound, saying what it waits for.
package wait

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Permanent ends a wait at once: the condition can no longer come true.
type Permanent struct{ Err error }

func (p *Permanent) Error() string { return p.Err.Error() }

func (p *Permanent) Unwrap() error { return p.Err }

// Stop marks err as permanent.
func Stop(err error) error { return &Permanent{Err: err} }

// For asks condition every interval until it returns nil. It ends early with the cause of a
// Permanent error, or, when ctx ends, with context.Cause(ctx) and the last answer.
// what completes the sentence "waiting for ...".
func For(ctx context.Context, what string, interval time.Duration, condition func(context.Context) error) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		err := condition(ctx)
		if err == nil {
			return nil
		}
		if p, ok := errors.AsType[*Permanent](err); ok {
			return fmt.Errorf("waiting for %s: %w", what, p.Err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w (last answer: %w)", what, context.Cause(ctx), err)
		case <-ticker.C:
		}
	}
}
