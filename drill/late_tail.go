package drill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wal"
)

// lookedInto is how many segments of a late tail are looked into, its newest ones.
const lookedInto = 8

// judgeLate tells the tail of an old primary, which came late, from a second cluster that archives into
// the stanza: by the commits in it. It needs the restored pg_control, and comes before the start.
func (r *recovered) judgeLate(ctx context.Context, out suite.Out) error {
	for _, tail := range r.plan.chain.Late {
		if err := tail.Primary(r.plan.archived); err != nil {
			return err
		}
		began, commit, err := r.lookInto(ctx, tail)
		if err != nil {
			return err
		}
		if err = belongs(tail, began, commit); err != nil {
			return err
		}
		out.Note("timeline %d has %d segments that came after the newest of timeline %d: an old primary's tail that "+
			"came late, not read", tail.Timeline, len(tail.Entries), r.plan.chain.Target)
	}
	return nil
}

// belongs is nil for a tail that ends with the old primary, given the moment its successor began and
// that of its last commit; zero is not known.
func belongs(tail wal.Tail, began, commit time.Time) error {
	if began.IsZero() {
		began = tail.Began
	}
	switch {
	case commit.After(began):
		return tail.Grows(fmt.Sprintf("; it has a commit of %s, and timeline %d began at %s", commit.Format(time.RFC3339),
			tail.Successor, began.UTC().Format(time.RFC3339)))
	case commit.IsZero() && !tail.Soon():
		return tail.Grows("")
	}
	return nil
}

// lookInto is when the successor of a tail began, and its last commit. What cannot be read tells nothing.
func (r *recovered) lookInto(ctx context.Context, tail wal.Tail) (began, commit time.Time, err error) {
	first := wal.Segment{Timeline: tail.Successor, Number: uint64(tail.At) / r.plan.segmentSize}
	moments, err := r.moments(ctx, first.Name(r.plan.segmentSize))
	began = moments.Began
	entries := tail.Entries[max(0, len(tail.Entries)-lookedInto):]
	for i := 0; i < len(entries) && err == nil; i++ {
		if moments, err = r.moments(ctx, entries[i].Name); moments.Commit.After(commit) {
			commit = moments.Commit
		}
	}
	return began, commit, err
}

func (r *recovered) moments(ctx context.Context, segment string) (postgres.Moments, error) {
	file := r.box.Dir("spool") + "/" + segment
	if err := r.repo.Pgbackrest.ArchiveGet(ctx, segment, file); err != nil {
		if _, said := errors.AsType[*pgbackrest.Error](err); said && ctx.Err() == nil { // it is missing, or damaged
			return postgres.Moments{}, nil
		}
		return postgres.Moments{}, err
	}
	return postgres.SegmentMoments(ctx, r.box, r.cluster.server.Installation, file)
}
