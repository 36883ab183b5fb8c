package backup

import (
	"context"
	"errors"
	"fmt"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/wal"
)

// archived is the claim archive. The primary, where one can be asked, archives as the
// policy says and without failures; and the listing is whole, from the oldest backup that
// is kept to the newest segment: pgbackrest's own verify and check see no hole (facts A4).
func (b *check) archived(ctx context.Context) error {
	archiver, err := b.archiver(ctx) // before the listing: what it names must be in there
	if err != nil {
		return err
	}
	if err = b.needInfo(); err != nil {
		return errors.Join(archiver.wrong(b.stanza), err)
	}
	oldest := b.backups[0].Label
	listing := b.whole(ctx, archiver)
	if why, _ := reason.Of(listing); why == reason.WALMissing || why == reason.TimelineConflict {
		if err = b.list(ctx); err != nil {
			return err
		}
		if b.backups[0].Label != oldest { // expired meanwhile, and its WAL with it
			listing = b.whole(ctx, archiver)
		}
	}
	if wrong := archiver.wrong(b.stanza); wrong != nil {
		if listing != nil {
			b.note("%v", listing)
		}
		return wrong
	}
	return listing
}

// whole proves that nothing is missing from the archive that the kept backups stand on.
func (b *check) whole(ctx context.Context, archiver *archiver) error {
	if archiver != nil && archiver.systemID != b.info.SystemID(b.newest()) {
		return reason.Errorf(reason.RepoCorrupt, "the primary is the cluster with system identifier %s, the newest backup %s is of %s",
			archiver.systemID, b.newest().Label, b.info.SystemID(b.newest()))
	}
	current := pgbackrest.OfSame(b.backups, b.newest())
	size := pgbackrest.SegmentSize(current)
	var chain wal.Chain
	for i, backup := range current {
		start, err := repository.Start(backup, size)
		if err != nil {
			return err
		}
		archive, found, err := b.repo.Follow(ctx, b.repo.Directory(b.info, backup), start, size)
		if why, _ := reason.Of(err); why == reason.TimelineConflict && i < len(current)-1 && b.consistent(archive, start) {
			b.note("backup %s is on a branch that was left: it restores with --target-timeline=current only (%v)", backup.Label, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("from backup %s: %w", backup.Label, err)
		}
		if len(chain.Entries) == 0 { // the oldest one that is on the way
			chain = found
			b.followed(chain, backup)
		}
	}
	if err := b.olderClusters(ctx); err != nil {
		return err
	}
	return archiver.reached(chain.Last(), size)
}

// followed says what was found of the oldest backup's archive.
func (b *check) followed(chain wal.Chain, from pgbackrest.Backup) {
	b.metric("archive_segments", float64(len(chain.Entries)))
	b.note("archive whole over %s: %d segments, from %s, which the oldest backup %s needs, to %s",
		chain.Route(), len(chain.Entries), chain.Entries[0].Name, from.Label, chain.Last().Name)
	for _, text := range chain.Notes {
		b.note("%s", text)
	}
}

// consistent says whether a backup has the WAL that makes it consistent, on its own timeline.
func (b *check) consistent(archive repository.Archive, start wal.Start) bool {
	for number := start.First.Number; number <= start.Stop.Number; number++ {
		if len(archive.Entries[wal.Segment{Timeline: start.First.Timeline, Number: number}]) == 0 {
			return false
		}
	}
	return true
}

// olderClusters looks at backups from before a stanza-upgrade: each must have the WAL
// that makes it consistent, in an archive of its own.
func (b *check) olderClusters(ctx context.Context) error {
	for _, backup := range b.backups {
		if backup.Database == b.newest().Database {
			continue
		}
		size := pgbackrest.SegmentSize(pgbackrest.OfSame(b.backups, backup))
		start, err := repository.Start(backup, size)
		if err != nil {
			return err
		}
		archive, err := b.repo.List(ctx, b.repo.Directory(b.info, backup), size, start.First.Timeline)
		if err != nil {
			return err
		}
		for number := start.First.Number; number <= start.Stop.Number; number++ {
			segment := wal.Segment{Timeline: start.First.Timeline, Number: number}
			if len(archive.Entries[segment]) == 0 {
				return reason.Errorf(reason.WALMissing, "WAL segment %s is missing from the archive: backup %s, of the cluster before, is worth nothing without it",
					segment.Name(size), backup.Label)
			}
		}
	}
	return nil
}
