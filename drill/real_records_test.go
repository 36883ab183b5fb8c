package drill

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/wal"
)

// What was changed for the replay is undone in every segment that begins with a copy of it, and nothing else is
// touched.
func TestRecordsBack(t *testing.T) {
	const size = 1 << 20
	made := postgres.Tablespace{At: 5*size + 3000, OID: 16400, Location: "/srv/fast"}
	was := make([]byte, size)
	binary.LittleEndian.PutUint32(was[36:], 8192) // the size of a page
	record := binary.LittleEndian.AppendUint32(make([]byte, 24), made.OID)
	record = append(record, made.Location+"\x00"...)
	binary.LittleEndian.PutUint32(record, uint32(len(record)))
	table := crc32.MakeTable(crc32.Castagnoli)
	binary.LittleEndian.PutUint32(record[20:], crc32.Update(crc32.Checksum(record[24:], table), table, record[:20]))
	copy(was[3000:], record)
	changed := append([]byte(nil), was...)
	require.NoError(t, wal.InPlace(changed, made.At, made.OID, made.Location))

	r := &nodeRestore{place: node.Place{Dir: t.TempDir()}, size: size}
	require.NoError(t, r.recordsBack(), "no tablespace was made, and nothing is looked for")
	r.late = []postgres.Tablespace{made}
	require.Error(t, r.recordsBack(), "there is no pg_wal")
	directory := filepath.Join(r.place.Dir, "pg_wal")
	require.NoError(t, os.MkdirAll(filepath.Join(directory, "archive_status"), 0o700))
	for name, c := range map[string]struct{ before, after []byte }{
		"000000020000000000000005":         {changed, was},
		"000000010000000000000005.partial": {changed, was},
		"000000010000000000000005":         {was, was},
		"000000020000000000000006":         {changed, changed}, // another one, which cannot hold it
		"00000002.history":                 {[]byte("1"), []byte("1")},
	} {
		path := filepath.Join(directory, name)
		require.NoError(t, os.WriteFile(path, c.before, 0o600))
		require.NoError(t, r.recordsBack(), name)
		now, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, c.after, now, name)
	}
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(directory, "000000030000000000000005")))
	require.Error(t, r.recordsBack(), "a link is none of PostgreSQL's")
}
