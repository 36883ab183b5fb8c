package wal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// After a failover all that stands before the switch stays asked for, and of the new
// timeline what was there at a moment; without a switch nothing is left out.
func TestBefore_LeavesOutOnlyWhatCameLater(t *testing.T) {
	at := LSN(5 * size)
	chain, err := NewArchive(files(listing(1, 0, 2, 3, 4), historyFile(2, 10), listing(2, 10, 5, 6, 7)), size).
		Follow(from, []Switch{{Timeline: 1, At: at}})
	require.NoError(t, err)
	last := func(minute int) uint64 {
		return chain.Before(noon.Add(time.Duration(minute)*time.Minute), size).Last().Number
	}
	assert.Equal(t, uint64(4), last(-60), "older than all of it: up to the switch")
	assert.Equal(t, uint64(6), last(12))
	assert.Equal(t, uint64(7), last(60))

	plain, err := NewArchive(listing(1, 0, 2, 3, 4), size).Follow(from, nil)
	require.NoError(t, err)
	assert.Equal(t, uint64(4), plain.Before(noon.Add(-time.Hour), size).Last().Number)
}
