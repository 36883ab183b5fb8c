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
		found, err := r.lookInto(ctx, tail)
		if err != nil {
			return err
		}
		if err = belongs(tail, found); err != nil {
			return err
		}
		out.Note("timeline %d has %d segments that came after the newest of timeline %d: an old primary's tail that "+
			"came late, not read", tail.Timeline, len(tail.Entries), r.plan.chain.Target)
	}
	return nil
}

// belongs is nil for a tail that ends with the old primary, given its last commit, whether all of it
// can be read, and when its successor began; a zero moment is not known.
func belongs(tail wal.Tail, found postgres.Moments) error {
	if found.Began.IsZero() {
		found.Began = tail.Began
	}
	switch {
	case found.Commit.After(found.Began):
		return tail.Grows(fmt.Sprintf("; it has a commit of %s, and timeline %d began at %s",
			found.Commit.Format(time.RFC3339Nano), tail.Successor, found.Began.UTC().Format(time.RFC3339Nano)))
	case !found.Readable && !tail.Soon():
		return tail.Grows("")
	}
	return nil
}

// lookInto is when the successor of a tail began, and the tail's last commit.
func (r *recovered) lookInto(ctx context.Context, tail wal.Tail) (postgres.Moments, error) {
	first := wal.Segment{Timeline: tail.Successor, Number: uint64(tail.At) / r.plan.segmentSize}
	found, err := r.moments(ctx, first.Name(r.plan.segmentSize))
	found = postgres.Moments{Began: found.Began, Readable: true}
	entries := tail.Entries[max(0, len(tail.Entries)-lookedInto):]
	for i := 0; i < len(entries) && err == nil; i++ {
		var one postgres.Moments
		one, err = r.moments(ctx, entries[i].Name)
		found.Readable = found.Readable && one.Readable
		if one.Commit.After(found.Commit) {
			found.Commit = one.Commit
		}
	}
	return found, err
}

// moments are those of one archived segment; of one that is missing or damaged there are none.
func (r *recovered) moments(ctx context.Context, segment string) (postgres.Moments, error) {
	file := r.box.Dir("spool") + "/" + segment
	if err := r.repo.Pgbackrest.ArchiveGet(ctx, segment, file); err != nil {
		if _, said := errors.AsType[*pgbackrest.Error](err); said && ctx.Err() == nil {
			return postgres.Moments{}, nil
		}
		return postgres.Moments{}, err
	}
	return postgres.SegmentMoments(ctx, r.box, r.cluster.server.Installation, file)
}
