package postgres

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A setting that the primary raised after the backup is lower in the restored files than replay asks for.
func TestTooLow(t *testing.T) {
	r := Restored{Settings: []Setting{{"max_connections", "50", "postgresql.conf", 3}}}
	text := strings.Join(r.tooLow(map[string]int{"max_connections": 200, "max_worker_processes": 9}), "\n")
	assert.Contains(t, text, "max_connections = 50 (postgresql.conf:3), and the WAL asks for 200")
	assert.Contains(t, text, "max_worker_processes = 8 (PostgreSQL's default), and the WAL asks for 9")
	assert.Empty(t, r.tooLow(map[string]int{"max_connections": 50, "max_wal_senders": 10}))
}

func TestStandbySettings(t *testing.T) {
	control := ParseControl(recorded(t, "controldata.txt"))
	assert.Len(t, control.standbySettings(), len(standbyDefaults))
}

// Nobody asks where hot_standby is off, or the file with the settings did not come back.
func TestTooLow_NotAsked(t *testing.T) {
	control := Control{inherited["max_connections"]: "1000"}
	for _, r := range []Restored{
		{Settings: []Setting{{Name: "hot_standby", Value: "off"}}}, {Missing: []string{mainConf}},
	} {
		list, err := (&Server{Restored: r, control: control}).TooLow(t.Context())
		assert.NoError(t, err)
		assert.Empty(t, list)
	}
	list, err := (&Server{control: control}).TooLow(t.Context())
	assert.NoError(t, err)
	assert.Len(t, list, 1)
}

// What an include of elsewhere or the command line may have said is not known to be too low; what is set last in a
// file that came back is.
func TestTooLow_InNoBackup(t *testing.T) {
	control := Control{inherited["max_connections"]: "500", inherited["max_wal_senders"]: "20"}
	set, low := []Setting{{"max_connections", "50", mainConf, 3}}, []string{"max_connections = 50"}
	outside := []Setting{{Name: "include", Value: "/etc/postgresql/x.conf"}}
	for name, c := range map[string]struct {
		server *Server
		want   []string
	}{
		"all there":              {&Server{}, []string{"max_connections = 100", "max_wal_senders = 10"}},
		"include":                {&Server{Restored: Restored{Outside: outside}}, nil},
		"include behind it":      {&Server{Restored: Restored{Settings: set, Outside: outside, beforeOutside: 1}}, nil},
		"include before it":      {&Server{Restored: Restored{Settings: set, Outside: outside}}, low},
		"command line":           {archiving(""), nil},
		"command line, and said": {archiving("", set...), low},
	} {
		c.server.control = control
		list, err := c.server.TooLow(t.Context())
		assert.NoError(t, err)
		if assert.Len(t, list, len(c.want), name) {
			for i, words := range c.want {
				assert.Contains(t, list[i], words, name)
			}
		}
	}
}
