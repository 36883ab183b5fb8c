package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/runner"
)

// reapTimeout bounds the removal of everything killed drills left behind.
const reapTimeout = 2 * time.Minute

// reaper removes what killed drills left behind, of every stanza that is not being
// drilled right now. Kept sandboxes stay until their time is over.
var reaper runner.Reaper = func(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, reapTimeout)
	defer cancel()
	removed, err := process.Provider{}.Reap(ctx, "")
	for _, line := range removed {
		_, _ = fmt.Fprintln(out, line)
	}
	if err == nil && len(removed) == 0 {
		_, _ = fmt.Fprintln(out, "nothing was left behind")
	}
	return err
}
