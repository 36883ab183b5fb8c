package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/wal"
)

// taken makes backups of a line such as "F1 D1.1 I1.2<D1.1 F2": each stands on the full
// before it, or on the one after "<".
func taken(line string) (list []pgbackrest.Backup) {
	full := ""
	for word := range strings.FieldsSeq(line) {
		label, on, given := strings.Cut(word, "<")
		b := pgbackrest.Backup{Label: label, Type: map[byte]string{'F': "full", 'D': "diff", 'I': "incr"}[label[0]]}
		switch {
		case given:
			b.Prior = &on
		case b.Type == "full":
			full = label
		default:
			prior := full
			b.Prior = &prior
		}
		list = append(list, b)
	}
	return list
}

// Keep says what pgBackRest 2.45 was seen to leave of each of these.
func TestKeep(t *testing.T) {
	for _, c := range []struct {
		name, taken  string
		fulls, diffs int
		kept         string
	}{
		{
			"FivePairs", "F1 D1.1 F2 D2.1 D2.2 F3 D3.1 D3.2 F4 D4.1 D4.2 F5 D5.1 D5.2 F6 D6.1 D6.2", 4, 7,
			"F3 F4 D4.2 F5 D5.1 D5.2 F6 D6.1 D6.2",
		},
		{"FewerThanThePolicy", "F1 D1.1", 4, 7, "F1 D1.1"},
		{"FullsAlone", "F1 F2 F3 F4 F5", 4, 7, "F2 F3 F4 F5"},
		{"DiffsAlone", "F1 D1 D2 D3 D4 D5 D6 D7 D8", 4, 7, "F1 D2 D3 D4 D5 D6 D7 D8"},
		{"IncrGoesWithItsDiff", "F1 D1 I1<D1 D2 I2<D2 I3<I2 D3", 4, 2, "F1 D2 I2 I3 D3"},
		{"IncrStaysWithItsFull", "F1 I1 D1 D2 D3", 4, 2, "F1 I1 D2 D3"},
		{"RetentionOfOne", "F1 D1.1 F2", 1, 7, "F2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, strings.Fields(c.kept), Keep(taken(c.taken), c.fulls, c.diffs))
		})
	}
}

// Of the archive just what the oldest kept backup needs is there: not less, not more.
func TestCheckArchive(t *testing.T) {
	kept := taken("F1")
	kept[0].Archive.Start, kept[0].Archive.Stop = "000000010000000000000005", "000000010000000000000006"
	archive := func(names ...string) wal.Archive {
		var files []wal.File
		for _, name := range names {
			files = append(files,
				wal.File{Path: name[:16] + "/" + name + "-" + strings.Repeat("a", 40) + ".zst", Size: 1})
		}
		return wal.NewArchive(files, wal.DefaultSegmentSize)
	}
	require.Empty(t, CheckArchive(archive("000000010000000000000005", "000000010000000000000006"), kept))
	less := CheckArchive(archive("000000010000000000000006"), kept)
	require.Len(t, less, 1)
	assert.Contains(t, less[0], "000000010000000000000005 is missing")
	more := CheckArchive(archive("000000010000000000000003", "000000010000000000000004", "000000010000000000000005"),
		kept)
	require.Len(t, more, 1)
	assert.Contains(t, more[0],
		"2 segments that no backup needs are still there: 000000010000000000000003 to 000000010000000000000004")
	assert.NotEmpty(t, CheckArchive(archive("000000010000000000000005"), nil))
	kept[0].Archive.Start = "garbage"
	assert.NotEmpty(t, CheckArchive(archive("000000010000000000000005"), kept))
}
