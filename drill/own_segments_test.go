package drill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wal"
)

// itself has each set hold the segment that it begins in.
func itself(p plan) map[wal.Segment]time.Time {
	segment, _ := wal.ParseSegment(p.set.Archive.Start, p.segmentSize)
	return map[wal.Segment]time.Time{segment: p.set.Stopped()}
}

// A set that holds what the archive lacks of its own range is one to compare with, and in the recovery window. An older
// set, which has to pass there, is not.
func TestOwnSegments_OfAnotherSet(t *testing.T) {
	sets := backups(t, olderFull, newerFull, itsDiff) // in segments 2, 4 and 6
	other, _, err := over(sets, 4).otherSet(policy.ArchiveRetention{}, itself)
	require.NoError(t, err)
	assert.Equal(t, newerFull, other.set.Label)
	assert.Equal(t, wal.Segment{Timeline: 1, Number: 4}, other.chain.Entries[0].Segment)
	_, _, err = over(sets, 4).otherSet(policy.ArchiveRetention{}, none)
	requireReason(t, reason.ConfigInvalid, err, "nobody has it")
	_, _, err = over(sets, 5).otherSet(policy.ArchiveRetention{}, itself)
	requireReason(t, reason.ConfigInvalid, err, "it is behind the set")

	var said notes
	window := func(own owns, missing int) (labels []string) {
		for _, set := range over(sets, missing).wholeSets(suite.NewOut(&said), sets, own) {
			labels = append(labels, set.Label)
		}
		return labels
	}
	assert.Equal(t, []string{newerFull, itsDiff}, window(itself, 4))
	assert.Equal(t, []string{itsDiff}, window(itself, 5))
	assert.Equal(t, []string{itsDiff}, window(none, 4))
	assert.Equal(t, []string{itsDiff}, window(itself, 6))
	assert.Empty(t, window(none, 6))
}
