package wal

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// What comes late of an old timeline is handed on, with all that is known of it: whether it is a tail or
// a second cluster, a listing does not tell.
func TestFollow_HandsOnWhatCameLate(t *testing.T) {
	late := func(minute int, numbers ...uint64) []File {
		return files(listing(1, 0, 2, 3), listing(1, minute, numbers...), historyFile(2, 5), listing(2, 6, 4))
	}
	for name, c := range map[string]struct {
		files []File
		late  []uint64
		soon  bool
	}{
		"the next one":     {files(listing(1, 0, 4), late(10, 5)), []uint64{5}, true},
		"several":          {late(20, 4, 5, 6), []uint64{4, 5, 6}, false},
		"at the switch":    {late(90, 4), []uint64{4}, false},
		"the new is empty": {files(listing(1, 0, 2, 3), listing(1, 6, 4, 5), historyFile(2, 5)), []uint64{4, 5}, true},
		"nothing late":     {late(2, 4, 5), nil, false},
	} {
		chain, err := NewArchive(c.files, size).Follow(from, switched(0x4000028))
		require.NoError(t, err, name)
		if c.late == nil {
			assert.Empty(t, chain.Late, name)
			continue
		}
		require.Len(t, chain.Late, 1, name)
		tail := chain.Late[0]
		var numbers []uint64
		for _, entry := range tail.Entries {
			numbers = append(numbers, entry.Number)
		}
		assert.Equal(t, c.late, numbers, name)
		assert.Equal(t, c.soon, tail.Soon(), name)
		assert.Equal(t, []any{uint32(1), uint32(2), LSN(0x4000028), noon.Add(5 * time.Minute)},
			[]any{tail.Timeline, tail.Successor, tail.At, tail.Began}, name)
		assert.Equal(t, name == "the new is empty",
			strings.Contains(tail.String(), "goes through as long as timeline 2 has archived nothing"), tail.String())
		why, _ := reason.Of(tail.Grows(""))
		assert.Equal(t, reason.TimelineConflict, why)
		require.NoError(t, tail.Primary(""))
		require.NoError(t, tail.Primary("000000020000000000000005"))
		require.NoError(t, tail.Primary("000000020000000000000FFD"))
		require.NoError(t, tail.Primary("00000001.history"))
		for _, archived := range []string{"000000010000000000000006", "000000010000000000000FFD"} { // of 1 MB: FFD
			require.ErrorContains(t, tail.Primary(archived), "the primary is on it")
		}
	}
}
