package drill

import (
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/wal"
)

// mostBetweenBackups counts, over the listed archive, the most segments between the
// starts of two neighbouring backups, or between the last one and the archive's end: what
// recovery would replay at the worst moment.
func (d *drill) mostBetweenBackups() int {
	var starts []uint64
	for _, b := range pgbackrest.OfSame(d.backups, d.set) {
		if segment, err := wal.ParseSegment(b.Archive.Start, d.size); err == nil {
			starts = append(starts, segment.Number)
		}
	}
	starts = append(starts, d.chain.Last().Number+1)
	archive := d.archive
	most := 0
	for i := 0; i+1 < len(starts); i++ {
		most = max(most, archive.Count(starts[i], starts[i+1]))
	}
	return most
}
