package drill

import (
	"context"
	"fmt"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wal"
)

// tellPast labels a drill of the repository as it was, so that it never passes for one of now.
func tellPast(out suite.Out, moment time.Time) {
	if moment.IsZero() {
		return
	}
	out.Label(suite.PastLabel, stamp(moment))
	out.Note("the repository as it was at %s, by the versions its bucket keeps: nothing is said of the backups of now",
		stamp(moment))
}

// askInfo asks the repository for its backups; of the past, what the bucket still has of it.
func askInfo(ctx context.Context, out suite.Out, s session.Session) (pgbackrest.Stanza, error) {
	if !s.Past() {
		return s.Client.Info(ctx, out)
	}
	past, err := s.Client.Past(ctx, s.Control.Dial)
	if err == nil {
		err = past.Outside()
	}
	if err != nil {
		return pgbackrest.Stanza{}, err
	}
	if past.Unknown != nil {
		out.Note("which versions the bucket keeps is not known: %s", pgbackrest.Printable(past.Unknown.Error()))
	}
	info, err := s.Client.Info(ctx, out)
	return info, past.Tell(err)
}

// listNow lists the archive of now, before a sandbox of the past could have put anything into it: that of
// then will never change. A restore for real goes on without.
func (r *recovered) listNow(ctx context.Context, out suite.Out) error {
	if !r.Past() || r.listed.Listing != nil {
		return nil
	}
	now := r.repo.Now()
	files, err := now.Pgbackrest.List(ctx, r.plan.directory(now))
	if err != nil {
		r.unlisted = true
		return r.real.onlyMeasured(ctx, out, reason.Errorf(reason.RepoUnreachable, "the archive of now cannot be "+
			"listed: whether the sandbox leaves something in it will not be known: %w", err), reason.RepoUnreachable)
	}
	r.listed = repository.Archive{Archive: wal.NewArchive(files, r.plan.segmentSize), Listing: files}
	return nil
}

// timelineTaken says that the timeline a restore has begun may be in the repository of now already: PostgreSQL asked
// that of then which numbers are taken. "" is that it is not.
func (r *recovered) timelineTaken() string {
	timeline := r.end.fork.Timeline
	const first = ": name an empty repo path first, else two timelines of that number come into one archive"
	switch {
	case !r.Past():
		return ""
	case r.unlisted:
		return fmt.Sprintf("whether timeline %d is in the repository already is not known"+first, timeline)
	case r.listed.Knows(timeline):
		return fmt.Sprintf("timeline %d is in the repository already"+first, timeline)
	}
	return ""
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
