package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/testprom/runner"
)

// reapTimeout bounds the removal of everything killed drills left behind.
const reapTimeout = 2 * time.Minute

// keeper lists or removes what -keep left.
var keeper runner.Keeper = func(
	ctx context.Context, out io.Writer, in runner.Place, remove bool, names []string,
) error {
	ctx, cancel := context.WithTimeout(ctx, reapTimeout)
	defer cancel()
	return sandbox.TellKept(ctx, out, providers(in), runner.CallAs(os.Args[0]), remove, names)
}

// reaper removes what killed drills left behind, of every stanza that is not being
// drilled right now. Kept sandboxes stay until their time is over. Which providers are
// asked, the build tag decides: env_<tag>.go.
var reaper runner.Reaper = func(ctx context.Context, out io.Writer, in runner.Place) error {
	ctx, cancel := context.WithTimeout(ctx, reapTimeout)
	defer cancel()
	var all error
	lines := 0
	for _, provider := range providers(in) {
		removed, err := provider.Reap(ctx, "")
		for _, line := range removed {
			_, _ = fmt.Fprintln(out, line)
		}
		lines += len(removed)
		all = errors.Join(all, err)
	}
	if all == nil && lines == 0 {
		_, _ = fmt.Fprintln(out, "nothing was left behind")
	}
	return all
}
