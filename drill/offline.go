package drill

import (
	"context"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/versions"
	"veza.fr/recovery/internal/wal"
)

// followOffline follows the archive from the checkpoint that a stopped server left behind: only the
// restored files of an offline backup know of it. There may be nothing behind it.
func (r *recovered) followOffline(ctx context.Context, out suite.Out) error {
	if !r.plan.set.Offline() {
		return nil
	}
	timeline, redo, err := r.control.Checkpoint()
	if err != nil {
		return reason.Wrap(reason.StartFailed, err)
	}
	first := wal.Segment{Timeline: timeline, Number: uint64(redo) / r.plan.segmentSize}
	r.plan.checkpoint = wal.Start{First: first, Stop: first, At: redo, Whole: true}
	if r.plan, err = r.plan.follow(ctx, out, r.Session, r.repo); err != nil {
		return err
	}
	if len(r.plan.chain.Entries) > 0 {
		return r.plan.wholeArchive(out)
	}
	out.Note("nothing is archived behind the offline backup set %s, whose checkpoint is at %s", r.plan.set.Label, redo)
	first.Number-- // the last one that may be archived then
	chain := r.plan.chain
	chain.Entries = []wal.Entry{{Segment: first, Name: first.Name(r.plan.segmentSize)}}
	return session.CheckArchiveEnd(r.plan.archived, chain, r.plan.segmentSize)
}

// lostOffline is what a plain restore would have lost; one for real was no plain one, and has brought it back.
func (r recovered) lostOffline() error {
	if r.real != nil {
		return nil
	}
	return lostOffline(r.plan.set, r.target, r.Version, r.end.commit)
}

// lostOffline says what a restore as the operator makes it would lose, although the drill replayed
// it: all that was committed since an offline backup. --type=none is the default for one; the drill asks
// for --type=default, so that all that is archived is proved.
func lostOffline(set pgbackrest.Backup, to target.Target, version string, commit *time.Time) error {
	if !set.Offline() || to.Kind != target.End || commit == nil || !versions.OfflineReplaysNothing.In(version) {
		return nil
	}
	return reason.Errorf(reason.RecoveryIncomplete, "backup set %s was taken offline (--no-online): a plain "+
		"pgbackrest restore of it replays nothing of the archive (--type=none), and what was committed since, "+
		"to %s, is not there; restore it with --type=default, which brings all of it back, and take online backups",
		set.Label, commit.UTC().Format(time.RFC3339))
}
