package pgbackrest

import (
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
	assert.EqualValues(t, 16<<20, SegmentSize(backups))
	assert.Empty(t, info.Backups(2), "another repository's sets are not mixed in")
	_, found := Find(backups, backups[0].Label)
	assert.True(t, found)
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
		SegmentSize(info.Backup)
	})
}

func FuzzParseList(f *testing.F) {
	f.Add(recorded(f, "repo-ls-switch.json"))
	f.Fuzz(func(_ *testing.T, output []byte) { _, _ = ParseList(output) })
}
