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
	listing := b.whole(ctx, archiver)
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
	current := pgbackrest.OfSame(b.backups, b.newest())
	size := pgbackrest.SegmentSize(current)
	start, err := repository.Start(current[0], size)
	if err != nil {
		return err
	}
	archive, chain, err := b.repo.Follow(ctx, b.repo.Directory(b.info, b.newest()), start, size)
	if err != nil {
		return err
	}
	last := chain.Last()
	b.metric("archive_segments", float64(len(chain.Entries)))
	b.note("archive whole over %s: %d segments, from %s, which the oldest backup %s needs, to %s",
		chain.Route(), len(chain.Entries), chain.Entries[0].Name, current[0].Label, last.Name)
	for _, text := range chain.Notes {
		b.note("%s", text)
	}
	for _, backup := range current[1:] {
		if err = recovers(backup, archive); err != nil {
			return err
		}
	}
	if err = b.olderClusters(ctx); err != nil {
		return err
	}
	return archiver.reached(last, size)
}

// recovers follows the archive from one more backup, as recovery would.
func recovers(backup pgbackrest.Backup, archive repository.Archive) error {
	start, err := repository.Start(backup, archive.SegmentSize)
	if err == nil {
		_, err = archive.Follow(start, archive.History)
	}
	if err != nil {
		return fmt.Errorf("from backup %s: %w", backup.Label, err)
	}
	return nil
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
