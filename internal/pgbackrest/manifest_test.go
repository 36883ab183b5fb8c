package pgbackrest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/wal"
)

// withWAL is a manifest of files in pg_wal, and of others.
var withWAL = pgbackrest.SealInfo([]byte(`[backup]
backup-label="20260101-000000F"

[backup:option]
option-archive-copy=true

[target:file]
pg_data/PG_VERSION={"checksum":"ad552e6dc057d1d825bf49df79d6b98eba846ebe","size":3}
pg_data/base/pg_wal/000000010000000000000006={"checksum":"ad552e6dc057d1d825bf49df79d6b98eba846ebe","size":16777216}
pg_data/pg_wal/000000010000000000000002={"bni":1,"checksum":"ad552e6dc057d1d825bf49df79d6b98eba846ebe","size":16777216}
pg_data/pg_wal/000000010000000000000003={"checksum":"ad552e6dc057d1d825bf49df79d6b98eba846ebe","size":16777216}
pg_data/pg_wal/000000010000000000000004={"checksum":"ad552e6dc057d1d825bf49df79d6b98eba846ebe","size":8192}
pg_data/pg_wal/00000002.history={"checksum":"ad552e6dc057d1d825bf49df79d6b98eba846ebe","size":16777216}

[target:path]
pg_data/pg_wal={}
`))

// Only whole segments below pg_wal are a set's own.
func TestOwnSegments(t *testing.T) {
	m, err := pgbackrest.ParseManifest(withWAL)
	require.NoError(t, err)
	stopped := time.Unix(1764486000, 0)
	assert.Equal(t, map[wal.Segment]time.Time{{Timeline: 1, Number: 2}: stopped, {Timeline: 1, Number: 3}: stopped},
		m.OwnSegments(wal.DefaultSegmentSize, stopped))
	assert.Empty(t, pgbackrest.Manifest{}.OwnSegments(wal.DefaultSegmentSize, stopped))
}

// A manifest is somebody else's file.
func FuzzOwnSegments(f *testing.F) {
	f.Add(withWAL)
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := pgbackrest.ParseManifest(pgbackrest.SealInfo(text))
		if err != nil {
			return
		}
		for segment := range m.OwnSegments(wal.DefaultSegmentSize, time.Time{}) {
			assert.True(t, wal.IsSegment(segment.Name(wal.DefaultSegmentSize)))
		}
	})
}
