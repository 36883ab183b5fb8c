package backup

import (
	"fmt"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/wal"
)

// onPurpose says why the archive need not be whole after a backup of a cluster: the option that
// lets `expire` take the WAL between old backups away, "" when none explains it. Each backup
// keeps what makes it consistent, and restores to its own end.
//
// failed is what following the archive from backups[i] came to. Expire takes all there is between two backups, or
// nothing: where a stretch is there inPart, it is at work, or segments were lost.
func onPurpose(
	retention policy.ArchiveRetention, all, backups []pgbackrest.Backup, i int, archive wal.Archive, failed error,
) (by string, inPart bool) {
	if why, _ := reason.Of(failed); why != reason.WALMissing {
		return "", false
	}
	starts := toWhole(retention, all, backups, i, archive.SegmentSize)
	if len(starts) == 0 {
		return "", false
	}
	if _, lacks := lacking(archive, starts[0]); lacks {
		return "", false
	}
	gone, inPart := expiredBetween(archive, starts)
	if !gone && !inPart {
		return "", false
	}
	return retention.Said, inPart
}

// toWhole are where backups[i] and those after it begin, up to the one from which on expire leaves the archive whole;
// none where backups[i] is not before that.
func toWhole(
	retention policy.ArchiveRetention, all, backups []pgbackrest.Backup, i int, size uint64,
) (starts []wal.Start) {
	from, ok := retention.WholeFrom(all, backups)
	if !ok || backups[i].Label >= from { // labels begin with the moment, as pgBackRest compares them
		return nil
	}
	for _, backup := range backups[i:] {
		if backup.Offline() && backup.Label != from { // needs no WAL, and expire keeps none for it
			continue
		}
		start, err := repository.Start(backup, size)
		if err != nil {
			return nil
		}
		if starts = append(starts, start); backup.Label == from {
			break
		}
	}
	return starts
}

// unsaid is what to look at for a hole where the conf says nothing of retention: the host that
// runs expire has a conf of its own, and it may have made the hole on purpose.
func unsaid(retention policy.ArchiveRetention, repo int, failed error) string {
	if why, _ := reason.Of(failed); why != reason.WALMissing || retention.Backups > 0 {
		return ""
	}
	return fmt.Sprintf("; this conf sets no repo%[1]d-retention-full and -archive: where a host that runs expire sets "+
		"repo%[1]d-retention-archive below the number of kept backups, WAL between old ones is gone on purpose; run "+
		"the check with its conf", repo)
}

// expiredBetween says whether between some of these backups everything is gone, and whether between some there is a
// part of it.
func expiredBetween(archive wal.Archive, starts []wal.Start) (gone, inPart bool) {
	for i := range len(starts) - 1 {
		first, end := starts[i].Stop.Number+1, starts[i+1].First.Number
		if end <= first {
			continue
		}
		there := map[uint64]bool{} // that of a failover may be there on both timelines
		for _, segment := range archive.Between(starts[i].Stop, starts[i+1].First) {
			if segment.Number >= first && segment.Number < end {
				there[segment.Number] = true
			}
		}
		gone = gone || len(there) == 0
		inPart = inPart || len(there) > 0 && uint64(len(there)) < end-first
	}
	return gone, inPart
}
