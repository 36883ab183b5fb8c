package postgres

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/wal"
)

// A held server is a hot standby that stops before its position, with no less than the server it is compared with, and
// nothing else of it is different.
func TestSettings_Hold(t *testing.T) {
	control := Control{"max_connections setting": "100", "max_wal_senders setting": "10"}
	server := &Server{Installation: Installation{Version: "15.20"}}
	plain := server.settings(control, nil)
	server.Hold = &Hold{At: 0x1000028, Least: map[string]int{"max_connections": 300, "max_wal_senders": 5}}
	held := server.settings(control, nil)
	for _, want := range []string{
		"hot_standby=on", "recovery_target_inclusive=off", "recovery_target_action=pause", "max_connections=300",
		"max_wal_senders=10", "recovery_target_name=",
	} {
		assert.Contains(t, held, want)
	}
	assert.Equal(t, "recovery_target_lsn=0/1000028", held[len(held)-1], "behind those that are emptied")
	changed := 0
	for _, setting := range plain {
		if !slices.Contains(held, setting) {
			changed++
		}
	}
	assert.Equal(t, 5, changed, "%v", held)
	server.Hold = nil
	assert.Equal(t, plain, server.settings(control, nil))
}

// Where the archive ends in the midst of a record, replay comes to no position that is known before: it is where it
// stands still in the last segment. Anywhere else it must come to its position.
func TestHold_Reached(t *testing.T) {
	const end, last = 0x3000000, 0x2000000
	for name, c := range map[string]struct {
		hold  Hold
		at    wal.LSN
		still time.Duration
		want  bool
	}{
		"there":                {Hold{At: end}, end, 0, true},
		"before it":            {Hold{At: end}, end - 0x300, time.Hour, false},
		"the archive's end":    {Hold{At: end, Archived: last}, end, 0, true},
		"in the last record":   {Hold{At: end, Archived: last}, end - 0x300, 16 * time.Second, true},
		"it may go on":         {Hold{At: end, Archived: last}, end - 0x300, 14 * time.Second, false},
		"a segment before":     {Hold{At: end, Archived: last}, last - 0x300, time.Hour, false},
		"not the last one yet": {Hold{At: end, Archived: last}, last, time.Hour, false},
		"beyond":               {Hold{At: end, Archived: last}, end + 8, time.Hour, false},
	} {
		hold := c.hold
		assert.Equal(t, c.want, hold.reached(c.at, c.still), name)
		if want := c.hold.At; !c.want {
			assert.Equal(t, want, hold.At, name)
		} else {
			assert.Equal(t, c.at, hold.At, name)
		}
	}
}
