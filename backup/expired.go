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
// failed is what following the archive from backups[i] came to. Expire takes all there is
// between two backups, or nothing: a stretch that is there in part has lost segments.
func onPurpose(
	retention policy.ArchiveRetention, all, backups []pgbackrest.Backup, i int, archive wal.Archive, failed error,
) string {
	why, _ := reason.Of(failed)
	from, ok := retention.WholeFrom(all, backups)
	if why != reason.WALMissing || !ok {
		return ""
	}
	var starts []wal.Start // of the backup and those after it, to the one that keeps all
	for _, backup := range backups[i:] {
		start, err := repository.Start(backup, archive.SegmentSize)
		if err != nil {
			return ""
		}
		if starts = append(starts, start); backup.Label == from {
			break
		}
	}
	if backups[i].Label >= from { // labels begin with the moment, as pgBackRest compares them
		return ""
	}
	if _, lacks := lacking(archive, starts[0]); lacks || !expiredBetween(archive, starts) {
		return ""
	}
	return retention.Said
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

// expiredBetween says whether between some of these backups everything is gone, and between
// the others nothing.
func expiredBetween(archive wal.Archive, starts []wal.Start) (gone bool) {
	for i := range len(starts) - 1 {
		first, end := starts[i].Stop.Number+1, starts[i+1].First.Number
		if end <= first {
			continue
		}
		switch there := archive.Count(first, end); there {
		case 0:
			gone = true
		case int(end - first): //nolint:gosec // segments between two backups
		default:
			return false
		}
	}
	return gone
}
