package drill

import (
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/wal"
)

// worstRTO is the restore time plus the replay of the most segments that were
// archived between two backups, at the rate this replay was measured at; never less
// than what was measured now. It is 0 when no segment was replayed.
func worstRTO(now, restore time.Duration, log postgres.Log, segments int) time.Duration {
	reckoned := reckonedRTO(restore, log, segments)
	if reckoned == 0 {
		return 0
	}
	return max(reckoned, now)
}

// reckonedRTO is the same without what was measured.
func reckonedRTO(restore time.Duration, log postgres.Log, segments int) time.Duration {
	replay := log.RedoDone.Sub(log.RedoStart)
	if log.Segments() == 0 || replay <= 0 {
		return 0
	}
	perSegment := replay / time.Duration(log.Segments())
	return restore + time.Duration(segments)*perSegment
}

// mostBetweenBackups counts, over the listed archive, the most segments between the
// starts of two neighbouring backups, or between the last one and the archive's end: what
// recovery would replay at the worst moment.
func (p plan) mostBetweenBackups() int {
	var starts []uint64
	for _, b := range pgbackrest.SameCluster(p.backups, p.set) {
		if segment, err := wal.ParseSegment(b.Archive.Start, p.segmentSize); err == nil {
			starts = append(starts, segment.Number)
		}
	}
	starts = append(starts, p.chain.Last().Number+1)
	archive := p.archive
	most := 0
	for i := 0; i+1 < len(starts); i++ {
		most = max(most, archive.Count(starts[i], starts[i+1]))
	}
	return most
}
