package suite

import (
	"context"
	"errors"
	"slices"
)

// undoing is the one stack of what a run must undo.
type undoing struct {
	stack []func(context.Context, Out) error
}

func (u *undoing) push(do func(context.Context, Out) error) { u.stack = append(u.stack, do) }

// all undoes everything, the last first. Each one is taken off before it is done, so a second
// call does not do it again; one that fails keeps none of the others from being done, and is
// left for the next call: what failed once may go a second later.
func (u *undoing) all(ctx context.Context, out Out) error {
	var failed error
	var left []func(context.Context, Out) error
	for len(u.stack) > 0 {
		last := len(u.stack) - 1
		do := u.stack[last]
		u.stack = u.stack[:last]
		if err := do(ctx, out); err != nil {
			failed = errors.Join(failed, err)
			left = append(left, do)
		}
	}
	slices.Reverse(left)
	u.stack = left
	return failed
}
