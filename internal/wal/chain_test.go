package wal

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

const size = DefaultSegmentSize

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// listing makes files of segment numbers on a timeline, a minute apart from minute on.
func listing(timeline uint32, minute int, numbers ...uint64) []File {
	var files []File
	for i, n := range numbers {
		name := Segment{timeline, n}.Name(size)
		files = append(files, File{
			Path: fmt.Sprintf("%s/%s-%040d.zst", name[:16], name, n),
			Size: 100,
			Time: noon.Add(time.Duration(minute+i) * time.Minute),
		})
	}
	return files
}

func historyFile(timeline uint32, minute int) []File {
	return []File{{Path: HistoryName(timeline), Size: 41, Time: noon.Add(time.Duration(minute) * time.Minute)}}
}

func files(parts ...[]File) []File {
	var all []File
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// from is a backup that starts in segment 2 and stops in 3, on timeline 1.
var from = Start{First: Segment{1, 2}, Stop: Segment{1, 3}, At: 0x3000100}

func switched(at LSN) []Switch { return []Switch{{Timeline: 1, At: at}} }

func TestFollow_TheChainEndsWhereTheArchiveDoes(t *testing.T) {
	for _, c := range []struct {
		name    string
		files   []File
		history []Switch
		last    string
		route   string
		notes   int
	}{
		{"one timeline", listing(1, 0, 1, 2, 3, 4), nil, "000000010000000000000004", "timeline 1", 0},
		{"what precedes the backup may be gone", listing(1, 0, 2, 3), nil, "000000010000000000000003", "timeline 1", 0},
		{
			"no other files count",
			append(listing(1, 0, 2, 3),
				File{Path: "000000010000000000000005.partial-" + fmt.Sprintf("%040d", 5), Size: 1}), nil,
			"000000010000000000000003", "timeline 1", 0,
		},
		{
			"switch, its segment on both", files(listing(1, 0, 2, 3, 4), historyFile(2, 5), listing(2, 6, 4, 5)),
			switched(0x4000028), "000000020000000000000005", "timeline 1 -> 2 at 0/4000028", 0,
		},
		{
			"switch, its segment on the new", files(listing(1, 0, 2, 3), historyFile(2, 5), listing(2, 6, 4, 5)),
			switched(0x4000028), "000000020000000000000005", "timeline 1 -> 2 at 0/4000028", 0,
		},
		{
			"switch, its segment on the old, and nothing behind it", files(listing(1, 0, 2, 3, 4), historyFile(2, 5)),
			switched(0x4000028), "000000010000000000000004", "timeline 1 -> 2 at 0/4000028", 0,
		},
		{
			"switch on a boundary", files(listing(1, 0, 2, 3), historyFile(2, 5), listing(2, 6, 4)),
			switched(0x4000000), "000000020000000000000004", "timeline 1 -> 2 at 0/4000000", 0,
		},
		{
			"nothing on the new timeline yet", files(listing(1, 0, 2, 3), historyFile(2, 5)), switched(0x4000028),
			"000000010000000000000003", "timeline 1 -> 2 at 0/4000028", 0,
		},
		{
			"an old primary's tail", files(listing(1, 0, 2, 3, 4, 5, 6), historyFile(2, 5), listing(2, 6, 4, 5)),
			switched(0x4000028), "000000020000000000000005", "timeline 1 -> 2 at 0/4000028", 1,
		},
		{
			"a stray history file beyond a gap", files(listing(1, 0, 2, 3), historyFile(9, 1)), nil,
			"000000010000000000000003", "timeline 1", 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			chain, err := NewArchive(c.files, size).Follow(from, c.history)
			require.NoError(t, err)
			assert.Equal(t, c.last, chain.Last().Name)
			assert.Equal(t, c.route, chain.Route())
			assert.Len(t, chain.Notes, c.notes)
		})
	}
}

// What the archive does not give of a backup's own segments, recovery takes from the backup.
func TestFollow_TheBackupHoldsItsOwnSegments(t *testing.T) {
	own := from
	own.Own = map[Segment]time.Time{{1, 2}: noon, {1, 3}: noon}
	zero := listing(1, 0, 2, 3, 4)
	zero[0].Size = 0
	for _, c := range []struct {
		name  string
		files []File
		last  string // "" is a hole
		notes int
	}{
		{"all archived", listing(1, 0, 2, 3, 4), "000000010000000000000004", 0},
		{"nothing behind it", listing(1, 0, 2, 3), "000000010000000000000003", 0},
		{"nothing behind it, the first one gone", listing(1, 0, 3), "000000010000000000000003", 1},
		{"the first one gone", listing(1, 0, 3, 4), "000000010000000000000004", 1},
		{"the last one gone", listing(1, 0, 2, 4), "000000010000000000000004", 1},
		{"all of them gone", listing(1, 0, 4, 5), "000000010000000000000005", 1},
		{"one without a byte", zero, "000000010000000000000004", 1},
		{"one behind the backup gone", listing(1, 0, 2, 3, 5), "", 0},
		{"one behind the backup gone, and its first", listing(1, 0, 3, 5), "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			chain, err := NewArchive(c.files, size).Follow(own, nil)
			if c.last == "" {
				var lack *Lack
				require.ErrorAs(t, err, &lack)
				assert.Equal(t, uint64(4), lack.Number)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.last, chain.Last().Name)
			assert.Len(t, chain.Notes, c.notes)
		})
	}
}

// A backup ends once its last segment is archived: where the archive ends before, it has lost its end, whatever the
// backup holds. What recovery would replay is in the chain all the same.
func TestFollow_TheArchiveHasLostItsEnd(t *testing.T) {
	own := from
	own.Own = map[Segment]time.Time{{1, 2}: noon, {1, 3}: noon}
	for _, c := range []struct {
		name  string
		files []File
		lack  uint64 // the first that is lost
	}{
		{"from the backup's start on", listing(1, 0, 0, 1), 2},
		{"from its stop on", listing(1, 0, 1, 2), 3},
		{"all of it", nil, 2},
		{"its end, and a stray segment of another timeline", files(listing(1, 0, 2), listing(7, 0, 9)), 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			chain, err := NewArchive(c.files, size).Follow(own, nil)
			var lack *Lack
			require.ErrorAs(t, err, &lack)
			assert.Equal(t, c.lack, lack.Number)
			why, _ := reason.Of(err)
			assert.Equal(t, reason.WALMissing, why)
			assert.Equal(t, "000000010000000000000003", chain.Last().Name)
		})
	}
}

// A segment that two nodes push with another compress-type each is one content by two names: archive-get gives it.
func TestFollow_OneContentByTwoNames(t *testing.T) {
	once := listing(1, 0, 2, 3, 4)
	chain, err := NewArchive(once, size).Follow(from, nil)
	require.NoError(t, err)
	assert.Empty(t, chain.Notes)
	twice := append(once, File{Path: "000000010000000000000003-" + fmt.Sprintf("%040d", 3) + ".gz", Size: 9})
	again, err := NewArchive(twice, size).Follow(from, nil)
	require.NoError(t, err)
	assert.Len(t, again.Entries, len(chain.Entries))
	require.Len(t, again.Notes, 1)
	assert.Contains(t, again.Notes[0], "1 WAL segments are in the archive more than once with the same content")
	assert.Contains(t, again.Notes[0], "the last is 000000010000000000000003")
}

func TestFollow_FindsWhatWouldLoseData(t *testing.T) {
	zero := listing(1, 0, 2, 3, 4)
	zero[1].Size = 0
	twice := append(listing(1, 0, 2, 3), File{Path: "000000010000000000000003-" + fmt.Sprintf("%040d", 99), Size: 1})
	again := append(listing(1, 0, 2, 3), File{
		Path: "000000010000000000000003-" + fmt.Sprintf("%040d", 3) + ".gz", Size: 9,
	})
	cutCopy := slices.Clone(again)
	cutCopy[len(cutCopy)-1].Size = 0
	mixed := append(slices.Clone(again), twice[len(twice)-1])
	for _, c := range []struct {
		name    string
		files   []File
		history []Switch
		why     reason.Reason
		words   string
	}{
		{"hole", listing(1, 0, 2, 3, 5), nil, reason.WALMissing, "000000010000000000000004"},
		{"hole in the backup", listing(1, 0, 2), nil, reason.WALMissing, "000000010000000000000003"},
		{"empty archive", nil, nil, reason.WALMissing, "000000010000000000000002"},
		{"zero length", zero, nil, reason.WALCorrupt, "000000010000000000000003"},
		{"two contents", twice, nil, reason.WALCorrupt, "03 is in the archive 2 times with different contents"},
		{"one content, and a copy of zero length", cutCopy, nil, reason.WALCorrupt, "03 has zero length"},
		{"two contents and two compressions", mixed, nil, reason.WALCorrupt, "3 times with different contents"},
		{
			"hole at the switch", files(listing(1, 0, 2, 3), historyFile(2, 5), listing(2, 6, 5)),
			switched(0x4000028), reason.WALMissing, "000000020000000000000004",
		},
		{
			"hole at the switch beside the old timeline's",
			files(listing(1, 0, 2, 3, 4), historyFile(2, 5), listing(2, 6, 5)), switched(0x4000028),
			reason.WALMissing, "000000020000000000000004",
		},
		{
			"history missing", files(listing(1, 0, 2, 3, 4), listing(2, 6, 4, 5)), nil, reason.WALMissing,
			"00000002.history",
		},
		{
			"superseded timeline grows behind a gap",
			files(listing(1, 0, 2, 3, 4), listing(1, 30, 6), historyFile(2, 5), listing(2, 6, 4, 5)),
			switched(0x4000028), reason.TimelineConflict, "000000010000000000000006",
		},
		{
			"a timeline of nobody's grows",
			files(listing(1, 0, 2, 3), historyFile(2, 1), listing(2, 30, 3), historyFile(3, 5), listing(3, 6, 4)),
			switched(0x4000028), reason.TimelineConflict, "timeline 2 still grows",
		},
		{
			"forked off before the backup", files(listing(1, 0, 2, 3), historyFile(2, 5)), switched(0x2000000),
			reason.TimelineConflict, "0/2000000",
		},
		{"no ancestor", files(listing(1, 0, 2, 3), historyFile(2, 5)), nil, reason.TimelineConflict, "no ancestor"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewArchive(c.files, size).Follow(from, c.history)
			require.Error(t, err)
			why, _ := reason.Of(err)
			assert.Equal(t, c.why, why)
			assert.ErrorContains(t, err, c.words)
		})
	}
}

func TestCount_CountsEachNumberOnceWhateverItsTimeline(t *testing.T) {
	archive := NewArchive(files(listing(1, 0, 2, 3, 4), listing(2, 5, 4, 5)), size)
	assert.Equal(t, 4, archive.Count(2, 6))
	assert.Equal(t, 1, archive.Count(5, 9))
}
