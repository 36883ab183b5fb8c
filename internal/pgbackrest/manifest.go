package pgbackrest

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"veza.fr/recovery/internal/wal"
)

// inManifest is where a manifest names the WAL segments that archive-copy=y has put into a backup set, as if they had
// been in pg_wal, of which no backup takes anything else.
const inManifest = "pg_data/pg_wal/"

// OwnSegments are the whole WAL segments that a backup set holds itself, by its manifest, each as old as the moment
// when the set was stopped.
func OwnSegments(manifest []byte, segmentSize uint64, stopped time.Time) map[wal.Segment]time.Time {
	own := map[wal.Segment]time.Time{}
	for line := range bytes.Lines(manifest) {
		name, of, found := strings.Cut(strings.TrimPrefix(string(line), inManifest), "=")
		if !found || !bytes.HasPrefix(line, []byte(inManifest)) {
			continue
		}
		var file struct {
			Size uint64 `json:"size"`
		}
		segment, err := wal.ParseSegment(name, segmentSize)
		if err == nil && json.Unmarshal([]byte(of), &file) == nil && file.Size == segmentSize {
			own[segment] = stopped
		}
	}
	return own
}
