package backup

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// archiveOf is an archive of segments of timeline 1.
func archiveOf(numbers ...int) wal.Archive {
	var files []wal.File
	for _, n := range numbers {
		path := fmt.Sprintf("0000000100000000/00000001%016X-%s.zst", n, strings.Repeat("a", 40))
		files = append(files, wal.File{Path: path, Size: 1})
	}
	return wal.NewArchive(files, wal.DefaultSegmentSize)
}

// span is where a backup begins and stops, on timeline 1.
func span(first, stop uint64) wal.Start {
	return wal.Start{First: wal.Segment{Timeline: 1, Number: first}, Stop: wal.Segment{Timeline: 1, Number: stop}}
}

// A backup needs every segment from its start to its stop to be consistent, the ends included.
func TestLacking(t *testing.T) {
	for _, c := range []struct {
		archive     wal.Archive
		first, stop uint64
		lacks       uint64 // 0: nothing
	}{
		{archiveOf(4, 5, 6), 4, 6, 0},
		{archiveOf(4, 5, 6, 7), 5, 5, 0},
		{archiveOf(5, 6), 4, 6, 4},
		{archiveOf(4, 6), 4, 6, 5},
		{archiveOf(4, 5), 4, 6, 6},
		{archiveOf(), 4, 4, 4},
	} {
		segment, lacks := lacking(c.archive, span(c.first, c.stop))
		assert.Equal(t, c.lacks != 0, lacks)
		assert.Equal(t, c.lacks, segment.Number)
	}
	other := wal.Segment{Timeline: 2, Number: 4}
	_, lacks := lacking(archiveOf(4), wal.Start{First: other, Stop: other})
	assert.True(t, lacks, "the same number of another timeline is another segment")
}

// A backup on a branch that was left is no fault while it is consistent by itself.
func TestOnBranchLeft(t *testing.T) {
	conflict := reason.Errorf(reason.TimelineConflict, "x")
	assert.True(t, onBranchLeft(archiveOf(4, 5), span(4, 5), conflict))
	assert.False(t, onBranchLeft(archiveOf(4), span(4, 5), conflict), "it lacks its stop")
	assert.False(t, onBranchLeft(archiveOf(4, 5), span(4, 5), reason.Errorf(reason.WALMissing, "x")))
	assert.False(t, onBranchLeft(archiveOf(4, 5), span(4, 5), nil))
}

// A primary that is down hides no hole in the archive, and a whole archive is no pass without it.
func TestArchiveIsWhole_BesideAPrimaryThatIsDown(t *testing.T) {
	for _, c := range []struct {
		gone          []int
		primary, says string
		want          reason.Reason
	}{
		{nil, "", "", ""},
		{[]int{10}, "", "000000000000000A is missing", reason.WALMissing},
		{nil, "host=/nonexistent", "-primary: cannot connect", reason.ConfigInvalid},
		{[]int{10}, "host=/nonexistent", "000000000000000A is missing", reason.WALMissing},
	} {
		on := &atWork{
			there: []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, takes: func(int) []int { return c.gone },
			backups: threeFulls(),
		}
		in := on.over(t, 4)
		in.Settings.Primary = c.primary
		out, said := listen()
		err := archiveIsWhole(t.Context(), out, in)
		requireReason(t, c.want, err)
		if c.want != "" {
			assert.ErrorContains(t, err, c.says)
		}
		noted := strings.Contains(strings.Join(said.attrs, "\n"), "the primary was not asked: -primary: cannot connect")
		assert.Equal(t, c.want == reason.WALMissing && c.primary != "", noted)
	}
}

// Only a finding that expired WAL looks like is worth another listing.
func TestMayBeExpired(t *testing.T) {
	for _, why := range []reason.Reason{reason.WALMissing, reason.TimelineConflict} {
		assert.True(t, mayBeExpired(fmt.Errorf("from backup 1F: %w", reason.Errorf(why, "x"))), why)
	}
	corrupt, unreachable := reason.Errorf(reason.WALCorrupt, "x"), reason.Errorf(reason.RepoUnreachable, "x")
	for _, err := range []error{nil, errors.New("x"), corrupt, unreachable} {
		assert.False(t, mayBeExpired(err), "%v", err)
	}
}

// A pass names both ends of the archive, and the backup that needs the first of them.
func TestSayFollowed(t *testing.T) {
	chain, err := archiveOf(4, 5, 6).Follow(span(4, 5), nil)
	assert.NoError(t, err)
	out, said := listen()
	sayFollowed(out, chain, of("1F")[0], true)
	assert.Equal(t, "note=archive whole over timeline 1: 3 segments, from 000000010000000000000004, "+
		"which the oldest backup 1F needs, to 000000010000000000000006", said.attrs[0])
}
