package pgbackrest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/wal"
)

// Only whole segments below pg_wal are a set's own.
func TestOwnSegments(t *testing.T) {
	const manifest = `[backup:option]
option-archive-copy=true

[target:file]
pg_data/PG_VERSION={"checksum":"ad552e6dc057d1d825bf49df79d6b98eba846ebe","size":3,"timestamp":1764486000}
pg_data/pg_wal/000000010000000000000002={"bni":1,"checksum":"x","repo-size":40,"size":16777216,"timestamp":1764486000}
pg_data/pg_wal/000000010000000000000003={"size":16777216,"timestamp":1764486000}
pg_data/pg_wal/000000010000000000000004={"size":8192,"timestamp":1764486000}
pg_data/pg_wal/00000002.history={"size":16777216,"timestamp":1764486000}
pg_data/pg_wal/000000010000000000000005={"size":1677
pg_data/base/pg_wal/000000010000000000000006={"size":16777216}

[target:path]
pg_data/pg_wal={}
`
	stopped := time.Unix(1764486000, 0)
	assert.Equal(t, map[wal.Segment]time.Time{{Timeline: 1, Number: 2}: stopped, {Timeline: 1, Number: 3}: stopped},
		pgbackrest.OwnSegments([]byte(manifest), wal.DefaultSegmentSize, stopped))
	assert.Empty(t, pgbackrest.OwnSegments(nil, wal.DefaultSegmentSize, stopped))
}

// A manifest is somebody else's file.
func FuzzOwnSegments(f *testing.F) {
	f.Add([]byte("pg_data/pg_wal/000000010000000000000002={\"size\":16777216}\n"))
	f.Fuzz(func(t *testing.T, manifest []byte) {
		for segment := range pgbackrest.OwnSegments(manifest, wal.DefaultSegmentSize, time.Time{}) {
			assert.True(t, wal.IsSegment(segment.Name(wal.DefaultSegmentSize)))
		}
	})
}
