package pgbackrest

import (
	"strings"
	"time"

	"veza.fr/recovery/internal/wal"
)

// inManifest is where a manifest names the WAL segments that archive-copy=y has put into a backup set, as if they had
// been in pg_wal, of which no backup takes anything else.
const inManifest = "pg_data/pg_wal/"

// OwnSegments are the whole WAL segments that a backup set holds itself, each as old as the moment when the set was
// stopped.
func (m Manifest) OwnSegments(segmentSize uint64, stopped time.Time) map[wal.Segment]time.Time {
	own := map[wal.Segment]time.Time{}
	for _, f := range m.Files {
		name, in := strings.CutPrefix(f.Name, inManifest)
		segment, err := wal.ParseSegment(name, segmentSize)
		if in && err == nil && f.Size == int64(segmentSize) {
			own[segment] = stopped
		}
	}
	return own
}
