package suite

import (
	"context"
	"errors"
)

// undoing is the one stack of what a run must undo.
type undoing struct {
	stack []func(context.Context, Out) error
}

func (u *undoing) push(do func(context.Context, Out) error) { u.stack = append(u.stack, do) }

// all undoes everything, the last first. Each one is taken off before it is done, so a second
// call does not do it again; one that fails keeps none of the others from being done.
func (u *undoing) all(ctx context.Context, out Out) error {
	var failed error
	for len(u.stack) > 0 {
		last := len(u.stack) - 1
		do := u.stack[last]
		u.stack = u.stack[:last]
		failed = errors.Join(failed, do(ctx, out))
	}
	return failed
}
