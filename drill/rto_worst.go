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

// mostBetweenBackups counts, over the listed archive, the most segments from the start of a
// backup to the stop of the next one, or to the archive's end: what recovery would replay at the
// worst moment. Until the next backup is complete, there is none but the one before.
func (p plan) mostBetweenBackups() (most int) {
	var starts, ends []uint64 // a stretch ends before
	for _, b := range pgbackrest.SameCluster(p.backups, p.set) {
		start, err := wal.ParseSegment(b.Archive.Start, p.segmentSize)
		stop, unread := wal.ParseSegment(b.Archive.Stop, p.segmentSize)
		if err == nil && unread == nil {
			starts, ends = append(starts, start.Number), append(ends, stop.Number+1)
		}
	}
	ends = append(ends, p.chain.Last().Number+1)
	for i, start := range starts {
		most = max(most, p.archive.Count(start, ends[i+1]))
	}
	return most
}
