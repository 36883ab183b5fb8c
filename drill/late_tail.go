package drill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/verify"
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
		note, err := judgeTail(tail, found, r.real != nil, r.AsOf())
		if err != nil {
			return err
		}
		out.Note("%s", note)
	}
	return nil
}

// judgeTail is what to say of a tail that has been looked into. One that came beside the newest timeline is a finding
// of a drill, while it may grow: who restores for real follows the newest timeline, and is told what that leaves.
func judgeTail(tail wal.Tail, found postgres.Moments, forReal bool, now time.Time) (note string, err error) {
	err = belongs(tail, found)
	switch {
	case err == nil:
		return tail.String(), nil
	case tail.Beside && (forReal || tail.Ended(now)):
		return tail.WentOn(found.Commit), nil
	}
	return "", err
}

// belongs is nil for a tail that ends with the old primary, given its last commit, whether all of it
// can be read, and when its successor began; a zero moment is not known.
func belongs(tail wal.Tail, found postgres.Moments) error {
	if found.Began.IsZero() {
		found.Began = tail.Began
	}
	apart := time.Duration(0)
	if tail.Beside { // soon after a failover, when the clocks of the two are all that tells
		apart = clocksApart
	}
	switch {
	case found.Commit.After(found.Began.Add(apart)):
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

// throughTail judges a recovery that went on through an old primary's tail, in place of a timeline that has archived
// nothing yet. A transaction that was committed there is one that production does not have. Where production is gone,
// it is the newest there is, and whoever restores is told.
func (r *recovered) throughTail(ctx context.Context, out suite.Out, done verify.Recovery) error {
	left, tail := done.Tail()
	if len(tail) == 0 {
		return nil
	}
	went := fmt.Sprintf("timeline %d has archived nothing yet, and recovery went on on timeline %d, beyond the switch "+
		"at %s, to %s", done.Chain.Target, left.Timeline, left.At, done.Replayed)
	for _, name := range tail {
		found, err := r.moments(ctx, name)
		if err != nil {
			return err
		}
		at, committed := committedBetween(found, left.At, done.Replayed)
		switch {
		case !found.Readable:
			return reason.Errorf(reason.SandboxFailed, "%s: whether anything was committed there is not known, since "+
				"%s, which was replayed, cannot be read once more", went, name)
		case committed && r.real != nil:
			out.Note("%s: the transaction committed at %s came back, and the primary of timeline %d never had it", went,
				at, done.Chain.Target)
			return nil
		case committed:
			return reason.Errorf(reason.TimelineConflict, "%s: the transaction committed at %s came back, and "+
				"production does not have it; drill again once its primary has archived a segment (SELECT "+
				"pg_switch_wal())", went, at)
		}
	}
	out.Note("%s; nothing was committed there", went)
	return nil
}

// committedBetween is the first commit of a segment from one place on, as far as it was replayed.
func committedBetween(found postgres.Moments, from, replayed wal.LSN) (at wal.LSN, committed bool) {
	i := slices.IndexFunc(found.Commits, func(at wal.LSN) bool { return at >= from && at < replayed })
	if i < 0 {
		return 0, false
	}
	return found.Commits[i], true
}

// moments are those of one archived segment; of one that is missing or damaged there are none. A store that does not
// answer, and a sandbox that has no room for it, say nothing of it.
func (r *recovered) moments(ctx context.Context, segment string) (postgres.Moments, error) {
	file := r.box.Dir("spool") + "/" + segment
	if err := r.repo.Pgbackrest.ArchiveGet(ctx, segment, file); err != nil {
		why, known := reason.Of(err)
		_, said := errors.AsType[*pgbackrest.Error](err)
		if said && ctx.Err() == nil && !(known && why.Exit() == reason.ExitEnvironment) {
			return postgres.Moments{}, nil
		}
		return postgres.Moments{}, err
	}
	return postgres.SegmentMoments(ctx, r.box, r.cluster.server.Installation, file)
}
