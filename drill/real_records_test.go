package drill

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wal"
)

const lateSegment = 1 << 20 // its size

// lateRecord is a segment with the record that makes a tablespace, as it was written and as it is changed for a replay.
func lateRecord(t *testing.T) (made postgres.Tablespace, was, changed []byte) {
	t.Helper()
	made = postgres.Tablespace{At: 5*lateSegment + 3000, OID: 16400, Location: "/srv/fast"}
	was = make([]byte, lateSegment)
	binary.LittleEndian.PutUint32(was[36:], 8192) // the size of a page
	record := binary.LittleEndian.AppendUint32(make([]byte, 24), made.OID)
	record = append(record, made.Location+"\x00"...)
	binary.LittleEndian.PutUint32(record, uint32(len(record)))
	table := crc32.MakeTable(crc32.Castagnoli)
	binary.LittleEndian.PutUint32(record[20:], crc32.Update(crc32.Checksum(record[24:], table), table, record[:20]))
	copy(was[3000:], record)
	changed = append([]byte(nil), was...)
	require.NoError(t, wal.InPlace(changed, made.At, made.OID, made.Location))
	return made, was, changed
}

// Whatever else fails in the hand-over: the cluster may be started all the same, and no record of it is archived
// changed. Where the server may have written it once more, that is said.
func TestStopWithoutTrace_RecordsBack(t *testing.T) {
	made, was, changed := lateRecord(t)
	type answers = map[string]answer
	isDown := answer{err: &host.ExitError{Code: 3}}
	for name, c := range map[string]struct {
		answers answers
		noted   bool
	}{
		"nobody gets in":    {answers{"pg_ctl status": {}, "pg_ctl stop": {}}, false},
		"it does not start": {answers{"pg_ctl status": isDown, "pg_ctl stop": {}}, false},
		"it does not stop":  {answers{"pg_ctl status": {}}, true},
	} {
		r := &nodeRestore{place: node.Place{Dir: t.TempDir()}, size: lateSegment, late: []postgres.Tablespace{made}}
		r.server = &postgres.Server{Host: &machine{answers: c.answers}, Data: r.place.Dir, Kept: true}
		segment := filepath.Join(r.place.Dir, "pg_wal", "000000020000000000000005")
		require.NoError(t, os.Mkdir(filepath.Dir(segment), 0o700))
		require.NoError(t, os.WriteFile(segment, changed, 0o600))
		var heard recorder
		require.Error(t, r.stopWithoutTrace(t.Context(), suite.NewOut(&heard)), name)
		now, err := os.ReadFile(segment)
		require.NoError(t, err)
		assert.Equal(t, was, now, name)
		assert.Equal(t, c.noted, strings.Contains(heard.String(), "restore no backup of before"), name)
	}
}

// What was changed for the replay is undone in every segment that begins with a copy of it, and nothing else is
// touched.
func TestRecordsBack(t *testing.T) {
	made, was, changed := lateRecord(t)
	r := &nodeRestore{place: node.Place{Dir: t.TempDir()}, size: lateSegment}
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
