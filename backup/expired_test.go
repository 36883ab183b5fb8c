package backup

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
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
		want      bool
	}{
		{"ExpiredAfterBoth", one, 0, []int{2, 3, 6, 9, 10}, hole, true},
		{"ExpiredAfterTheSecond", one, 1, []int{2, 3, 6, 9, 10}, hole, true},
		{"ExpiredAfterTheFirst", two, 0, []int{2, 3, 6, 7, 8, 9, 10}, hole, true},
		{"NotExpiredSinceTheNewest", one, 0, []int{2, 3, 6, 7, 8, 9, 10}, hole, true},
		{"LostAfterTheSecond", two, 1, []int{2, 3, 6, 8, 9, 10}, hole, false},
		{"LostAfterTheNewest", one, 2, []int{2, 3, 6, 9, 11}, hole, false},
		{"LostInPart", one, 0, []int{2, 3, 5, 6, 9, 10}, hole, false},
		{"LostInPartFurtherOn", one, 0, []int{2, 3, 6, 8, 9, 10}, hole, false},
		{"LacksItsOwn", one, 0, []int{2, 6, 9, 10}, hole, false},
		{"NothingIsExpired", policy.ArchiveRetention{}, 0, []int{2, 3, 6, 9, 10}, hole, false},
		{"TooSoonToExpire", policy.ArchiveRetention{Backups: 4, Types: one.Types}, 0, []int{2, 3, 6, 9}, hole, false},
		{"AnotherReason", one, 0, []int{2, 3, 6, 9, 10}, reason.Errorf(reason.WALCorrupt, "x"), false},
		{"NoFailure", one, 0, []int{2, 3, 6, 9, 10}, nil, false},
	} {
		said := onPurpose(c.retention, backups, backups, c.backup, archiveOf(c.archive...), c.failed)
		assert.Equal(t, c.want, said != "", c.name)
	}
}

// A conf that says nothing of retention is not the one that expire obeys.
func TestUnsaid(t *testing.T) {
	hole := reason.Errorf(reason.WALMissing, "x")
	assert.Contains(t, unsaid(policy.ArchiveRetention{}, 2, hole), "sets no repo2-retention-full")
	assert.Empty(t, unsaid(policy.ArchiveRetention{Backups: 4}, 2, hole))
	assert.Empty(t, unsaid(policy.ArchiveRetention{}, 2, reason.Errorf(reason.WALCorrupt, "x")))
}
