package wal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Timeline 1 was archived up to minute 20; a restore to minute 3 has begun timeline 2 at 35.
func twiceRestored(parts ...[]File) Archive {
	return NewArchive(files(append(parts, listing(1, 0, 2, 3), historyFile(2, 35), listing(2, 40, 4, 5, 6))...), size)
}

var onTwo = Chain{Target: 2, Switches: switched(0x4000028)}

// A moment lies on the timeline that recovery leaves, if that went on after it and its successor had not begun.
func TestLeftBefore(t *testing.T) {
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	tail, none := listing(1, 5, 4, 5, 6, 7), time.Time{}
	for name, c := range map[string]struct {
		archive Archive
		minute  int
		found   bool
		whole   time.Time
	}{
		"behind the switch":               {twiceRestored(tail), 7, true, at(5)},
		"in the segment of the switch":    {twiceRestored(tail), 4, true, at(5)},
		"before it":                       {twiceRestored(tail), 1, false, none},
		"the timeline had ended":          {twiceRestored(tail), 9, false, none},
		"its successor had begun":         {twiceRestored(listing(1, 50, 4, 5)), 42, false, none},
		"it had; history is pushed again": {twiceRestored(listing(1, 50, 4, 5), historyFile(2, 48)), 42, false, none},
		"nothing beyond":                  {twiceRestored(), 7, false, none},
		"no more than that segment":       {twiceRestored(listing(1, 8, 4)), 7, true, none},
	} {
		left, found := c.archive.LeftBefore(onTwo, at(c.minute))
		assert.Equal(t, c.found, found, name)
		assert.True(t, c.whole.Equal(left.Whole), "%s: %s", name, left.Whole)
		if found {
			assert.Equal(t, Switch{1, 0x4000028}, left.Switch, name)
			assert.Equal(t, uint32(2), left.Successor, name)
		}
	}
	_, found := twiceRestored(tail).LeftBefore(Chain{Target: 1}, at(7))
	assert.False(t, found, "recovery leaves none")
}

// A position is of both timelines behind the switch, as far as the one that was left goes.
func TestHeldBeyond(t *testing.T) {
	archive := twiceRestored(listing(1, 5, 4, 5))
	for at, want := range map[LSN]bool{
		0x4000028: false, 0x4000029: true, 0x5FFFFFF: true, 0x6000000: false, 0x3000000: false,
	} {
		left, found := archive.HeldBeyond(onTwo, at)
		assert.Equal(t, want, found, at)
		assert.Equal(t, found, left.Last.Number == 5, at)
	}
	_, found := twiceRestored(listing(1, 5, 4)).HeldBeyond(onTwo, 0x4000029)
	assert.False(t, found, "the segment of the switch may end there")
}
