package postgres

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
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
