package postgres

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func said(s Server, settings ...Setting) string {
	s.Restored.Settings = settings
	return strings.Join(s.Differences(), "\n")
}

// Each names its file, line and setting, and what a plain restore would have done.
func TestDifferences(t *testing.T) {
	assert.Equal(t, "postgresql.conf:7: recovery_target = 'immediate': not obeyed here; after a plain restore "+
		"recovery stops as soon as the backup is consistent, and waits there: what was archived later "+
		"does not come back",
		said(Server{}, Setting{"recovery_target", "immediate", "postgresql.conf", 7}))
	for name, value := range map[string]string{
		"recovery_target_time": "2020-01-01", "recovery_target_xid": "7", "recovery_target_timeline": "current",
		"recovery_min_apply_delay": "1h", "recovery_end_command": "true", "zero_damaged_pages": "on",
		"ignore_checksum_failure": "1", "ignore_invalid_pages": "true", "synchronous_standby_names": "*",
		"hba_file": "/etc/postgresql/pg_hba.conf", "data_directory": "/elsewhere",
	} {
		assert.Contains(t, said(Server{}, Setting{name, value, "x", 1}), "x:1: "+name, name)
	}
}

// What a plain restore does as well is no difference.
func TestDifferences_NoneWhereThereIsNone(t *testing.T) {
	for name, value := range map[string]string{
		"recovery_target": "", "recovery_target_timeline": "LATEST", "recovery_min_apply_delay": "0",
		"zero_damaged_pages": "off", "synchronous_standby_names": "", "recovery_target_inclusive": "off",
		"recovery_target_action": "shutdown", "hba_file": "pg_hba.conf", "listen_addresses": "192.0.2.1",
		"restore_command": "false", "archive_command": "x", "ssl_cert_file": "/etc/ssl/x", "primary_conninfo": "host=x",
		"data_directory": "/var/lib/pg/",
	} {
		assert.Empty(t, said(Server{Origin: "/var/lib/pg"}, Setting{name, value, "x", 1}), name)
	}
}

// With a target of the drill's own, one left behind is a second one, and the details of targets count.
func TestDifferences_WithATarget(t *testing.T) {
	s := Server{Target: "recovery_target_time"}
	assert.Empty(t, said(s, Setting{"recovery_target_time", "2020-01-01", "x", 1}))
	assert.Contains(t, said(s, Setting{"recovery_target", "immediate", "x", 1}), "two recovery targets")
	assert.Contains(t, said(s, Setting{"recovery_target_inclusive", "off", "x", 1}), "just before its target")
	assert.Contains(t, said(s, Setting{"recovery_target_action", "shutdown", "x", 1}), "shuts down")
}

func TestDifferences_NameWhatIsMissing(t *testing.T) {
	s := Server{Restored: Restored{
		Missing: []string{"postgresql.conf", "pg_hba.conf"}, Refused: []string{"postgresql.conf:3"},
		Outside: []Setting{
			{"include", "/etc/x", "postgresql.conf", 4}, {"include_if_exists", "/etc/y", "postgresql.conf", 5},
		},
	}}
	text := strings.Join(s.Differences(), "\n")
	assert.Contains(t, text, "postgresql.conf, pg_hba.conf: not in the backup")
	assert.Contains(t, text, "postgresql.conf:3: no setting")
	assert.Contains(t, text, "postgresql.conf:4: include '/etc/x'")
	assert.NotContains(t, text, "/etc/y")
	tls := said(Server{}, Setting{"ssl", "on", "x", 1}, Setting{"ssl_cert_file", "/etc/ssl/x", "x", 2})
	assert.Contains(t, tls, "x:2: ssl_cert_file = '/etc/ssl/x' lies out of the data directory")
}
