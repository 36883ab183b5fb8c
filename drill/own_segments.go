package drill

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wal"
)

// With archive-copy=y a backup set holds the segments that it needs itself. restore puts them into pg_wal, and
// PostgreSQL takes a segment from there when restore_command does not bring it, whatever the cause. So what the
// archive lacks of them keeps no restore of this set from going on.

// owns are the segments that the set of a plan holds itself.
type owns func(plan) map[wal.Segment]time.Time

// readOwn has them read from a repository.
func readOwn(ctx context.Context, client repository.Client) owns {
	return func(p plan) map[wal.Segment]time.Time { return p.ownSegments(ctx, client) }
}

// from is the plan for another set, over the archive as it was listed.
func (p plan) from(set pgbackrest.Backup, own owns) (of plan, start wal.Start, err error) {
	of = p
	of.set = set
	if start, err = repository.Start(set, p.segmentSize); err != nil {
		return of, start, err
	}
	of.chain, err = p.archive.Follow(start, p.archive.History)
	of.chain, err = of.withOwn(own, start, err)
	return of, start, err
}

// withOwn follows the archive once more where a segment of the set's own range is what it lacks, and the set may hold
// that itself.
func (p plan) withOwn(own owns, start wal.Start, failed error) (wal.Chain, error) {
	lack, ok := errors.AsType[*wal.Lack](failed)
	if !ok || p.set.Offline() || lack.Number < start.First.Number || lack.Number > start.Stop.Number {
		return p.chain, failed
	}
	if start.Own = own(p); len(start.Own) == 0 {
		return p.chain, failed
	}
	return p.archive.Follow(start, p.archive.History)
}

// ownSegments are those the set holds itself. Of a manifest that cannot be read nobody knows any; restore says then
// what is wrong with it.
func (p plan) ownSegments(ctx context.Context, client repository.Client) map[wal.Segment]time.Time {
	bound, cancel := context.WithTimeout(ctx, contentTime)
	defer cancel()
	own, _ := client.OwnSegments(bound, p.set, p.segmentSize)
	return own
}

// archiveAlone are the segments that nobody but the archive has: those that would be missed.
func archiveAlone(entries []wal.Entry, own map[wal.Segment]time.Time) []wal.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e wal.Entry) bool {
		_, has := own[e.Segment]
		return has
	})
}

var segmentName = regexp.MustCompile(`\b[0-9A-F]{24}\b`)

// withoutOwn is the log of a recovery without what archive-get said of segments that the set holds itself: they were
// taken from pg_wal. They are named.
func (r *recovered) withoutOwn(ctx context.Context, out suite.Out, log postgres.Log) postgres.Log {
	if len(log.Archive) == 0 || r.plan.set.Offline() {
		return log
	}
	own := r.plan.ownSegments(ctx, r.repo)
	log.Archive = slices.DeleteFunc(slices.Clone(log.Archive), func(line string) bool {
		names := segmentName.FindAllString(line, -1)
		foreign := slices.ContainsFunc(names, func(name string) bool {
			segment, err := wal.ParseSegment(name, r.plan.segmentSize)
			_, has := own[segment]
			return err != nil || !has
		})
		if len(names) == 0 || foreign {
			return false
		}
		out.Note("recovery took %s from the backup, which holds it itself (archive-copy=y), and not from the archive: "+
			"%s; from an older backup it ends there", names[0], line)
		return true
	})
	return log
}
