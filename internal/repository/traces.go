package repository

import (
	"context"
	"fmt"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// Found is what came into an archive meanwhile.
type Found struct {
	Own      string      // the object that is the sandbox's own; "" when there is none
	Somebody *wal.Switch // who else began that timeline meanwhile; nil when nobody did
	Grown    []wal.Entry // the segments of others, as they came
}

// Traces lists the archive again and finds what is new on the timeline that a sandbox began
// for itself, and whether others archive into it.
func (c Client) Traces(
	ctx context.Context, directory string, before Archive, fork wal.Fork,
) (found Found, err error) {
	traces, err := c.since(ctx, directory, before, fork)
	if err == nil && !traces.History && !traces.None() {
		// The history goes into an archive before the segments: it may have come between two
		// looks of one listing, and is in the next one.
		traces, err = c.since(ctx, directory, before, fork)
	}
	if err != nil || traces.None() {
		return Found{Grown: traces.Grown}, err
	}
	var history []wal.Switch
	if traces.History {
		if history, err = c.history(ctx, directory, fork.Timeline); err != nil {
			return found, fmt.Errorf(
				"a history file that came during the drill cannot be told from the sandbox's own: %w", err,
			)
		}
		found.Somebody = &history[len(history)-1]
	}
	if own := traces.Own(history); own != "" {
		return Found{Own: own}, nil
	}
	found.Grown = traces.Grown
	return found, nil
}

func (c Client) since(ctx context.Context, directory string, before Archive, fork wal.Fork) (wal.Traces, error) {
	files, err := c.Pgbackrest.List(ctx, directory)
	if err != nil { // it could be listed before: no word on the backups
		return wal.Traces{}, reason.Errorf(reason.RepoUnreachable,
			"the archive cannot be listed again: whether the sandbox left something in it is not known: %v", err)
	}
	return fork.Since(before.Archive, wal.NewArchive(files, before.SegmentSize)), nil
}
