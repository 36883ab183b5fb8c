package wal

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two clusters that archive at once look like a tail whenever the newest timeline's segment is the younger one: what
// came beside it just now is handed on, and what is long past or came before it is a tail.
func TestFollow_HandsOnWhatComesBeside(t *testing.T) {
	of := func(old, last int, numbers ...uint64) []File {
		return files(listing(1, 0, 2, 3), listing(1, old, numbers...), historyFile(2, 5), listing(2, 6, 4),
			listing(2, last, 5))
	}
	for name, c := range map[string]struct {
		files  []File
		beside int
	}{
		"both archive":              {of(8, 9, 4, 5), 2},
		"behind a gap":              {of(8, 9, 6), 1},
		"an hour ago":               {of(8, 69, 4, 5), 2},
		"more than an hour ago":     {of(8, 70, 4, 5), 0},
		"before the new one's":      {of(5, 9, 4, 5), 0},
		"nothing beyond the switch": {of(8, 9), 0},
	} {
		chain, err := NewArchive(c.files, size).Follow(from, switched(0x4000028))
		require.NoError(t, err, name)
		if c.beside == 0 {
			assert.Empty(t, chain.Late, name)
			continue
		}
		require.Len(t, chain.Late, 1, name)
		assert.Len(t, chain.Late[0].Entries, c.beside, name)
		assert.True(t, chain.Late[0].Beside && chain.Late[0].Soon(), name)
		assert.Contains(t, chain.Late[0].String(), "came beside those of timeline 2: an old primary's tail, not read")
		for _, note := range chain.Notes {
			assert.NotContains(t, note, "beyond the switch", "one line is enough")
		}
	}
}
