package backup

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// ranged is a full backup on timeline 1 that needs the segments from first to stop.
func ranged(label string, first, stop string) pgbackrest.Backup {
	b := pgbackrest.Backup{Label: label, Type: "full"}
	b.Archive.Start, b.Archive.Stop = "0000000100000000000000"+first, "0000000100000000000000"+stop
	return b
}

// What expire took on purpose is told from what was lost.
func TestOnPurpose(t *testing.T) {
	backups := []pgbackrest.Backup{
		ranged("20260101-000000F", "02", "03"), ranged("20260102-000000F", "06", "06"),
		ranged("20260103-000000F", "09", "09"),
	}
	one := policy.ArchiveRetention{Backups: 1, Types: []string{"full"}, Said: "the option"}
	two := policy.ArchiveRetention{Backups: 2, Types: []string{"full"}, Said: "the option"}
	hole := reason.Errorf(reason.WALMissing, "x")
	for _, c := range []struct {
		name      string
		retention policy.ArchiveRetention
		backup    int
		archive   []int
		failed    error
		want      string
	}{
		{"ExpiredAfterBoth", one, 0, []int{2, 3, 6, 9, 10}, hole, "gone"},
		{"ExpiredAfterTheSecond", one, 1, []int{2, 3, 6, 9, 10}, hole, "gone"},
		{"ExpiredAfterTheFirst", two, 0, []int{2, 3, 6, 7, 8, 9, 10}, hole, "gone"},
		{"NotExpiredSinceTheNewest", one, 0, []int{2, 3, 6, 7, 8, 9, 10}, hole, "gone"},
		{"LostAfterTheSecond", two, 1, []int{2, 3, 6, 8, 9, 10}, hole, ""},
		{"LostAfterTheNewest", one, 2, []int{2, 3, 6, 9, 11}, hole, ""},
		{"LostInPart", one, 0, []int{2, 3, 5, 6, 9, 10}, hole, "in part"},
		{"LostInPartFurtherOn", one, 0, []int{2, 3, 6, 8, 9, 10}, hole, "in part"},
		{"LacksItsOwn", one, 0, []int{2, 6, 9, 10}, hole, ""},
		{"NothingIsExpired", policy.ArchiveRetention{}, 0, []int{2, 3, 6, 9, 10}, hole, ""},
		{"TooSoonToExpire", policy.ArchiveRetention{Backups: 4, Types: one.Types}, 0, []int{2, 3, 6, 9}, hole, ""},
		{"AnotherReason", one, 0, []int{2, 3, 6, 9, 10}, reason.Errorf(reason.WALCorrupt, "x"), ""},
		{"NoFailure", one, 0, []int{2, 3, 6, 9, 10}, nil, ""},
	} {
		by, inPart := onPurpose(c.retention, backups, backups, c.backup, archiveOf(c.archive...), c.failed)
		assert.Equal(t, c.want != "", by != "", c.name)
		assert.Equal(t, c.want == "in part", inPart, c.name)
	}
}

// Production was taken back in place: expire compares names, takes all of the old timeline between two backups, and
// nothing of the new one, whose numbers are the same.
func TestOnPurpose_AfterAPointInTimeRestoreInPlace(t *testing.T) {
	second := ranged("20260103-000000F", "15", "15")
	second.Archive.Start, second.Archive.Stop = "000000020000000000000015", "000000020000000000000015"
	backups := []pgbackrest.Backup{
		ranged("20260101-000000F", "02", "03"), ranged("20260102-000000F", "30", "30"), second,
	}
	two := policy.ArchiveRetention{Backups: 2, Types: []string{"full"}, Said: "the option"}
	hole := reason.Errorf(reason.WALMissing, "x")
	next, newer := segments(2, 0x10, 0x40), segments(1, 0x30, 0x30) // all of it stays
	for name, c := range map[string]struct {
		there wal.Archive
		want  []any // by, in part
	}{
		"expired":                {archiveWith(next, segments(1, 2, 3), newer), []any{"the option", false}},
		"in part":                {archiveWith(next, segments(1, 2, 0x20), newer), []any{"the option", true}},
		"all there, lost beyond": {archiveWith(next, segments(1, 2, 0x30)), []any{"", false}},
		"it lacks its own":       {archiveWith(next, segments(1, 2, 2), newer), []any{"", false}},
	} {
		by, inPart := onPurpose(two, backups, backups, 0, c.there, hole)
		assert.Equal(t, c.want, []any{by, inPart}, name)
	}
}

// segments are those of a timeline from one to another.
func segments(timeline uint32, first, last uint64) (list []wal.Segment) {
	for number := first; number <= last; number++ {
		list = append(list, wal.Segment{Timeline: timeline, Number: number})
	}
	return list
}

func archiveWith(parts ...[]wal.Segment) wal.Archive {
	archive := wal.NewArchive(nil, wal.DefaultSegmentSize)
	for _, segment := range slices.Concat(parts...) {
		archive.Entries[segment] = []wal.Entry{{Segment: segment}}
	}
	return archive
}

// An offline backup between old ones needs no WAL, and explains no hole away.
func TestOnPurpose_WithAnOfflineBackup(t *testing.T) {
	offline := pgbackrest.Backup{Label: "20260102-000000F", Type: "full"}
	backups := []pgbackrest.Backup{
		ranged("20260101-000000F", "02", "03"), offline, ranged("20260103-000000F", "09", "09"),
	}
	one := policy.ArchiveRetention{Backups: 1, Types: []string{"full"}, Said: "the option"}
	hole := reason.Errorf(reason.WALMissing, "x")
	by, inPart := onPurpose(one, backups, backups, 0, archiveOf(2, 3, 9, 10), hole)
	assert.Equal(t, []any{"the option", false}, []any{by, inPart})
	by, _ = onPurpose(one, backups, backups, 0, archiveOf(2, 9, 10), hole)
	assert.Empty(t, by, "it lacks its own")
}

// A conf that says nothing of retention is not the one that expire obeys.
func TestUnsaid(t *testing.T) {
	hole := reason.Errorf(reason.WALMissing, "x")
	assert.Contains(t, unsaid(policy.ArchiveRetention{}, 2, hole), "sets no repo2-retention-full")
	assert.Empty(t, unsaid(policy.ArchiveRetention{Backups: 4}, 2, hole))
	assert.Empty(t, unsaid(policy.ArchiveRetention{}, 2, reason.Errorf(reason.WALCorrupt, "x")))
}
