package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wal"
)

// archiveIsWhole is the claim archive. The primary, where one can be asked, archives as the
// policy says and without failures; and the listing is whole, from the oldest backup that
// is kept to the newest segment: pgbackrest's own verify and check see no hole (facts A4).
func archiveIsWhole(ctx context.Context, out suite.Out, in opened) error {
	primary, unasked := askArchiver(ctx, out, in) // before the listing: what it names must be in there
	if unasked != nil {
		primary = &archiver{unasked: true}
	}
	return proved(out, archiveBeside(ctx, out, in, primary), unasked)
}

// archiveBeside is archiveIsWhole with what the primary says.
func archiveBeside(ctx context.Context, out suite.Out, in opened, primary *archiver) error {
	if err := in.needBackups(); err != nil {
		return errors.Join(primary.wrong(in.Stanza(), in.Settings.Policy.ArchiveTimeout), err)
	}
	chain, found := whole(ctx, out, in, primary)
	if primary != nil {
		moved, failed := session.MovedOn(found, primary.lastWAL, func() (string, error) {
			var unanswered error
			primary, unanswered = askArchiver(ctx, out, in)
			return primary.last(), unanswered
		})
		if failed != nil {
			return errors.Join(failed, found)
		}
		if moved {
			var err error
			if in, err = in.listAgain(ctx, out); err != nil {
				return err
			}
			chain, found = whole(ctx, out, in, primary)
		}
	}
	if mayBeExpired(found) {
		now, gone := in.listAgain(ctx, out)
		if gone != nil {
			return gone
		}
		if !slices.Equal(labels(now.backups), labels(in.backups)) { // expired meanwhile, and WAL with it
			chain, found = whole(ctx, out, now, primary)
		}
	}
	if len(chain.Entries) > 0 { // once, of the last look: two values of a measurement are none
		out.Metric("archive_segments", float64(len(chain.Entries)))
	}
	// It is why the archive is not whole.
	if wrong := primary.wrong(in.Stanza(), in.Settings.Policy.ArchiveTimeout); wrong != nil {
		if found != nil {
			out.Note("%v", found)
		}
		return wrong
	}
	return found
}

// proved is what a claim comes to that looked at the repository although its primary could not be asked: a fault that
// the repository shows by itself goes before that.
func proved(out suite.Out, found, unasked error) error {
	why, known := reason.Of(found)
	switch {
	case unasked == nil:
		return found
	case known && why.Exit() == reason.ExitFailed:
		out.Note("warning: the primary was not asked: %v", unasked)
		return found
	}
	return unasked
}

// mayBeExpired says whether a finding may come of WAL that was expired after the backups were listed.
func mayBeExpired(found error) bool {
	why, _ := reason.Of(found)
	return why == reason.WALMissing || why == reason.TimelineConflict
}

// whole proves that nothing is missing from the archive that the kept backups stand on. oldest is what was followed
// from the oldest one that stands on any; empty where none was.
func whole(ctx context.Context, out suite.Out, in opened, primary *archiver) (oldest wal.Chain, err error) {
	if err = upgradedSince(in.listing); err != nil { // the newest segment follows no backup
		return oldest, err
	}
	return followed(ctx, out, in, primary)
}

// followed is whole of the archives that there are backups in: of one that begins after them it knows nothing.
func followed(ctx context.Context, out suite.Out, in opened, primary *archiver) (oldest wal.Chain, err error) {
	newest := in.newest()
	if err = primary.of(in.info.SystemID(newest), newest.Label); err != nil {
		return oldest, err
	}
	current := pgbackrest.SameCluster(in.backups, newest)
	size, err := in.Client.SegmentSize(ctx, in.directory(newest), newest, current)
	if err != nil {
		return oldest, err
	}
	retention := policy.RetentionOfArchive(in.Client.Conf.Config, in.Stanza(), in.Settings.Repo, in.backups, current)
	var archive repository.Archive
	var unsettled []int
	for i, backup := range current {
		if backup.Offline() {
			out.Note("backup %s was taken offline (--no-online): it is whole without WAL, and a plain restore of it "+
				"replays none", backup.Label)
			continue
		}
		start, err := repository.Start(backup, size)
		if err != nil {
			return oldest, err
		}
		var chain wal.Chain
		archive, chain, err = in.Client.FollowListed(ctx, out, archive, in.directory(backup), start, size)
		if i < len(current)-1 && onBranchLeft(archive.Archive, start, err) {
			out.Note("backup %s is on a branch that was left: it restores with --target-timeline=current only (%v)",
				backup.Label, err)
			continue
		}
		by, inPart := onPurpose(retention, in.backups, current, i, archive.Archive, err)
		if inPart { // judged last: what must be there is not waited for
			unsettled = append(unsettled, i)
			continue
		}
		if by != "" {
			sayExpired(out, backup, by)
			continue
		}
		if err != nil {
			return oldest, fmt.Errorf("from backup %s: %w%s", backup.Label, err,
				unsaid(retention, in.Settings.Repo, err))
		}
		if err = lateTails(out, chain, primary); err != nil {
			return oldest, err
		}
		if len(oldest.Entries) == 0 { // the oldest one that is on the way
			oldest = chain
			sayFollowed(out, oldest, backup, i == 0)
		}
	}
	if err := olderClusters(ctx, in); err != nil {
		return oldest, err
	}
	if primary != nil && len(oldest.Entries) > 0 {
		if err := session.CheckArchiveEnd(primary.lastWAL, oldest, size); err != nil {
			return oldest, err
		}
	}
	return oldest, in.settle(ctx, out, retention, current, unsettled, primary)
}

// lateTails tells the tail of an old primary, which came late, from a second cluster that archives into
// the stanza, as far as that can be told without a restore: by the primary, else by the time. The
// drill looks into the segments.
func lateTails(out suite.Out, chain wal.Chain, primary *archiver) error {
	for _, tail := range chain.Late {
		last := primary.last()
		if err := tail.Primary(last); err != nil {
			return err
		}
		if !wal.IsSegment(last) && !tail.Soon() && !primary.isUnasked() {
			return tail.Grows("")
		}
		out.Note("%s", tail)
	}
	return nil
}

// sayFollowed says what was found of a backup's archive: the oldest one's, or the first of
// which the archive is whole.
func sayFollowed(out suite.Out, chain wal.Chain, from pgbackrest.Backup, oldest bool) {
	who := "backup " + from.Label
	if oldest {
		who = "the oldest " + who
	}
	out.Note("archive whole over %s: %d segments, from %s, which %s needs, to %s",
		chain.Route(), len(chain.Entries), chain.Entries[0].Name, who, chain.Last().Name)
	for _, text := range chain.Notes {
		out.Note("%s", text)
	}
}

// onBranchLeft says whether following a backup's archive failed only because the cluster went
// on from before it, on another timeline. A backup without the WAL that makes it consistent
// is worth nothing there either.
func onBranchLeft(archive wal.Archive, start wal.Start, followed error) bool {
	why, _ := reason.Of(followed)
	_, lacks := lacking(archive, start)
	return why == reason.TimelineConflict && !lacks
}

// lacking is the first segment that is missing of those that make a backup consistent, on its
// own timeline; false when all of them are there.
func lacking(archive wal.Archive, start wal.Start) (wal.Segment, bool) {
	for number := start.First.Number; number <= start.Stop.Number; number++ {
		segment := wal.Segment{Timeline: start.First.Timeline, Number: number}
		if len(archive.Entries[segment]) == 0 {
			return segment, true
		}
	}
	return wal.Segment{}, false
}

// olderClusters looks at backups from before a stanza-upgrade: each must have the WAL
// that makes it consistent, in an archive of its own.
func olderClusters(ctx context.Context, in opened) error {
	for _, backup := range in.backups {
		if backup.Database == in.newest().Database || backup.Offline() {
			continue
		}
		others := pgbackrest.SameCluster(in.backups, backup)
		size, err := in.Client.SegmentSize(ctx, in.directory(backup), backup, others)
		if err != nil {
			return err
		}
		start, err := repository.Start(backup, size)
		if err != nil {
			return err
		}
		archive, err := in.Client.List(ctx, in.directory(backup), size, start.First.Timeline)
		if err != nil {
			return err
		}
		if segment, lacks := lacking(archive.Archive, start); lacks {
			return reason.Errorf(reason.WALMissing, "WAL segment %s is missing from the archive: "+
				"backup %s, of the cluster before, is worth nothing without it", segment.Name(size), backup.Label)
		}
	}
	return nil
}
