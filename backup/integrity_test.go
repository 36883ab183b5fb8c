package backup

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// What verify names is red, and so is a verify that read nothing.
func TestDamage(t *testing.T) {
	require.NoError(t, damage(nil, 10))
	err := damage(nil, 0)
	requireReason(t, reason.RepoCorrupt, err)
	require.ErrorContains(t, err, "read no file: nothing is proved")
	err = damage([]string{"one", "two"}, 10)
	requireReason(t, reason.RepoCorrupt, err)
	assert.ErrorContains(t, err, "pgbackrest verify: one; two")
}

// verifyOf is an answer of verify on the three fulls, with so many segments that it listed and did not find, and so
// many that are damaged.
func verifyOf(segments, missing, damaged int) string {
	status := "ok"
	if missing+damaged > 0 {
		status = "error"
	}
	text := fmt.Sprintf("stanza: veza\nstatus: %s\n  archiveId: 15-1, total WAL checked: %d, total valid WAL: %d\n"+
		"    missing: %d, checksum invalid: %d, size invalid: 0, other: 0\n", status, segments,
		segments-missing-damaged, missing, damaged)
	for _, backup := range threeFulls() {
		text += fmt.Sprintf("  backup: %s, status: valid, total files checked: 3, total valid files: 3\n"+
			"    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n", backup.Label)
	}
	return text
}

// An expire that takes segments which verify has listed is no damage: verify reads again once it is over. What cannot
// be read is red, and so is a segment that vanished and is needed.
func TestFilesAreIntact_WhileExpireIsAtWork(t *testing.T) {
	for name, c := range map[string]struct {
		answers []string // the last one goes on
		gone    []int    // once verify has read
		want    reason.Reason
		says    string
		read    int
		waited  time.Duration
		ends    []int // of the archive, as info says it
	}{
		"nothing is taken": {[]string{verifyOf(10, 0, 0)}, nil, "", "", 1, 0, nil},
		"it takes WAL": {
			[]string{verifyOf(10, 2, 0), verifyOf(8, 0, 0)},
			[]int{0, 1},
			"", "", 2, expireSettles, nil,
		},
		"it takes WAL twice": {
			[]string{verifyOf(10, 1, 0), verifyOf(9, 1, 0), verifyOf(8, 0, 0)},
			[]int{0, 1},
			"", "", 3,
			2 * expireSettles,
			nil,
		},
		"listed and not there": {
			[]string{verifyOf(10, 1, 0)},
			nil, reason.RepoCorrupt, "9 of 10 WAL segments are good", 3,
			2 * expireSettles,
			nil,
		},
		"damaged": {[]string{verifyOf(10, 0, 1)}, nil, reason.RepoCorrupt, "1 with a wrong checksum", 1, 0, nil},
		"damaged meanwhile": {
			[]string{verifyOf(10, 2, 1)},
			[]int{0, 1},
			reason.RepoCorrupt,
			"2 missing, 1 with a wrong checksum", 1, 0, nil,
		},
		"a needed one is gone": {
			[]string{verifyOf(10, 1, 0), verifyOf(9, 0, 0)},
			[]int{5},
			reason.WALMissing,
			"segments vanished while verify read: from backup 20260101", 2, expireSettles, nil,
		},
		"damaged in the second reading, and a needed one gone": {
			[]string{verifyOf(10, 2, 0), verifyOf(8, 0, 1)},
			[]int{5},
			reason.RepoCorrupt,
			"1 with a wrong checksum", 2, expireSettles, nil,
		},
		"the end is gone": {
			[]string{verifyOf(10, 2, 0), verifyOf(8, 0, 0)},
			[]int{8, 9},
			reason.WALMissing,
			"it went up to 000000010000000000000009, and now to 000000010000000000000007", 2, expireSettles,
			[]int{9, 9, 7},
		},
		"it takes WAL, and more arrives": {
			[]string{verifyOf(10, 2, 0), verifyOf(8, 0, 0)},
			[]int{0, 1},
			"", "", 2, expireSettles,
			[]int{8, 9},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				on := &atWork{backups: threeFulls(), ends: c.ends}
				on.there = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
				on.takes = func(int) []int { return c.gone }
				on.verify = func(n int) string { return c.answers[min(n, len(c.answers))-1] }
				out, said := listen()
				began := time.Now()
				err := filesAreIntact(t.Context(), out, on.over(t, 3))
				requireReason(t, c.want, err)
				if c.says != "" {
					require.ErrorContains(t, err, c.says)
				}
				assert.Equal(t, c.read, on.read)
				assert.Equal(t, c.read-1, strings.Count(strings.Join(said.attrs, "\n"), "gone before verify came"))
				assert.GreaterOrEqual(t, time.Since(began), c.waited)
				assert.LessOrEqual(t, time.Since(began), 2*c.waited)
			})
		})
	}
}

// The second reading looks at the archive of the backups there are, also after a stanza-upgrade that no backup follows,
// which is the claim archive's to say; and what keeps it from looking at all of it is no pass.
func TestLacksNothing(t *testing.T) {
	for name, c := range map[string]struct {
		on   atWork
		gone []int
		want reason.Reason
		says string
	}{
		"all is there":           {atWork{}, nil, "", ""},
		"upgraded":               {atWork{upgrade: true}, nil, "", ""},
		"a hole":                 {atWork{}, []int{5}, reason.WALMissing, "segments vanished while verify read: from"},
		"a hole, and upgraded":   {atWork{upgrade: true}, []int{5}, reason.WALMissing, "segments vanished while"},
		"no way past a cut one":  {atWork{cut: 4}, nil, reason.WALCorrupt, "that none is missed is not proved: from"},
		"cut, and a hole behind": {atWork{cut: 4}, []int{8}, reason.WALCorrupt, "is not proved: from backup 20260101"},
	} {
		t.Run(name, func(t *testing.T) {
			c.on.there, c.on.backups = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, threeFulls()
			c.on.takes = func(int) []int { return c.gone }
			out, _ := listen()
			in, err := c.on.over(t, 3).listAgain(t.Context(), out)
			require.NoError(t, err)
			err = in.lacksNothing(t.Context(), out, in.listing)
			requireReason(t, c.want, err)
			if c.says != "" {
				require.ErrorContains(t, err, c.says)
			}
		})
	}
}
