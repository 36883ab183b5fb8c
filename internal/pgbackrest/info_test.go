package pgbackrest

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func recorded(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile("../../fixtures/pgbackrest/" + name)
	require.NoError(t, err)
	return content
}

func TestParseInfo_ReadsTheSetsOldestFirst(t *testing.T) {
	info, err := ParseInfo(recorded(t, "info.json"))
	require.NoError(t, err)
	assert.Equal(t, StatusOK, info.RepoStatus(1).Code)
	backups := info.Backups(1)
	require.Len(t, backups, 2)
	assert.Equal(t, "full", backups[0].Type)
	assert.Equal(t, "diff", backups[1].Type)
	assert.Equal(t, "15", info.Version(backups[1]))
	assert.Equal(t, "15-1", info.ArchiveID(backups[1]))
	assert.Equal(t, []uint64{16 << 20}, SegmentSizes(backups[0], backups))
	assert.Empty(t, info.Backups(2), "another repository's sets are not mixed in")
	_, found := Find(backups, backups[0].Label)
	assert.True(t, found)
}

// All positions count, those of one backup and of all: what one of them excludes is none.
func TestSegmentSizes(t *testing.T) {
	of := func(start, first, stop, last string) (b Backup) {
		content := fmt.Appendf(nil, `{"archive":{"start":%q,"stop":%q},"lsn":{"start":%q,"stop":%q}}`,
			first, last, start, stop)
		require.NoError(t, json.Unmarshal(content, &b))
		return b
	}
	const zero, one = "000000010000000100000000", "000000010000000100000001"
	const two = "000000010000000000000002"
	short := of("1/10000028", zero, "1/10000138", zero)
	for name, c := range map[string]struct {
		backups []Backup
		want    []uint64
	}{
		"nothing is known":       {nil, []uint64{16 << 20}},
		"no positions":           {[]Backup{{}}, []uint64{16 << 20}},
		"two are left":           {[]Backup{short}, []uint64{512 << 20, 1 << 30}},
		"the stop decides":       {[]Backup{of("1/10000028", zero, "1/50000138", one)}, []uint64{1 << 30}},
		"the next one decides":   {[]Backup{short, of("1/30000028", one, "1/30000138", one)}, []uint64{512 << 20}},
		"a boundary contradicts": {[]Backup{of("0/2000028", two, "0/3000000", two)}, []uint64{16 << 20}},
	} {
		assert.Equal(t, c.want, SegmentSizes(Backup{}, c.backups), name)
	}
	before := of("0/8000028", two, "0/8000138", two)
	after := of("0/C000028", "00000001000000000000000C", "0/C000138", "")
	assert.Equal(t, []uint64{64 << 20}, SegmentSizes(before, []Backup{before, after}))
	assert.Equal(t, []uint64{16 << 20}, SegmentSizes(after, []Backup{before, after}), "pg_resetwal --wal-segsize=16")
	assert.Equal(t, []uint64{64 << 20}, SegmentSizes(Backup{}, []Backup{before}), "it says nothing itself")
}

// The end of the archive is that of the database a backup is of, and there is none of another.
func TestArchiveEnd(t *testing.T) {
	info, err := ParseInfo(recorded(t, "info.json"))
	require.NoError(t, err)
	of := info.Backup[0]
	assert.Equal(t, "000000020000000000000010", info.ArchiveEnd(of))
	of.Database.ID++
	assert.Empty(t, info.ArchiveEnd(of))
}

// The exit status was 0 for each of these (facts A3).
func TestParseInfo_AStanzaThatIsNotThereIsAStatus(t *testing.T) {
	info, err := ParseInfo(recorded(t, "info-no-stanza.json"))
	require.NoError(t, err)
	assert.Equal(t, StatusMissingPath, info.RepoStatus(1).Code)
}

func TestParseInfo_AFailedDecryptionIsNoJSON(t *testing.T) {
	for _, name := range []string{"info-wrong-passphrase.txt", "info-no-cipher.txt"} {
		_, err := ParseInfo(recorded(t, name))
		assert.ErrorIs(t, err, ErrUnreadableInfo, name)
	}
	for _, none := range []string{"", "[]", "{}", `[{"name":"a"},{"name":"b"}]`} {
		_, err := ParseInfo([]byte(none))
		assert.ErrorIs(t, err, ErrUnreadableInfo, none)
	}
}

func TestParseList_FilesWithSizeAndTime(t *testing.T) {
	files, err := ParseList(recorded(t, "repo-ls-switch.json"))
	require.NoError(t, err)
	assert.Greater(t, len(files), 10)
	for _, file := range files {
		assert.Positive(t, file.Size, file.Path)
		assert.False(t, file.Time.IsZero())
	}
	files, err = ParseList(nil) // a missing path: no output (facts A4)
	require.NoError(t, err)
	assert.Empty(t, files)
	_, err = ParseList([]byte("{"))
	assert.Error(t, err)
}

func FuzzParseInfo(f *testing.F) {
	for _, name := range []string{"info.json", "info-no-stanza.json", "info-wrong-passphrase.txt"} {
		f.Add(recorded(f, name))
	}
	f.Fuzz(func(t *testing.T, output []byte) {
		info, err := ParseInfo(output)
		if err != nil {
			assert.ErrorIs(t, err, ErrUnreadableInfo)
			return
		}
		for _, backup := range info.Backups(1) {
			_ = info.ArchiveID(backup)
		}
		assert.NotEmpty(t, SegmentSizes(Backup{}, info.Backup))
	})
}

func FuzzParseList(f *testing.F) {
	f.Add(recorded(f, "repo-ls-switch.json"))
	f.Fuzz(func(_ *testing.T, output []byte) { _, _ = ParseList(output) })
}
