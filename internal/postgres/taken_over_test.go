package postgres

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// What the data may need goes with it; what a machine has stays there.
func TestTakenOver(t *testing.T) {
	for _, name := range []string{
		"search_path", "app.tenant", "datestyle", "intervalstyle", "timezone", "timezone_abbreviations", "bytea_output",
		"standard_conforming_strings", "default_text_search_config", "xmloption", "extra_float_digits", "lc_time",
		"array_nulls", "transform_null_equals", "default_tablespace", "row_security", "check_function_bodies",
		"dynamic_library_path", "a_setting_of_tomorrow", "quote_all_identifiers", "plpgsql.variable_conflict",
		"max_stack_depth",
	} {
		assert.False(t, ofMachine(name), name)
	}
	for _, name := range []string{
		"port", "max_connections", "superuser_reserved_connections", "shared_buffers", "work_mem",
		"maintenance_work_mem",
		"unix_socket_directories", "ssl_cert_file", "log_directory", "log_destination", "logging_collector",
		"data_directory",
		"archive_command", "archive_timeout", "wal_level", "min_wal_size", "max_wal_size", "wal_keep_size", "fsync",
		"autovacuum", "autovacuum_max_workers", "shared_preload_libraries", "session_preload_libraries", "hot_standby",
		"recovery_target", "restore_command", "primary_conninfo", "synchronous_standby_names", "synchronous_commit",
		"enable_seqscan", "jit", "random_page_cost", "effective_cache_size",
		"track_commit_timestamp",
		"max_logical_replication_workers", "max_sync_workers_per_subscription", "cluster_name",
		"cron.launch_active_jobs",
		"zero_damaged_pages", "ignore_system_indexes", "lc_messages", "max_worker_processes", "huge_pages",
	} {
		assert.True(t, ofMachine(name), name)
	}
}

func TestSandboxConf(t *testing.T) {
	r := Restored{Settings: []Setting{
		{Name: "port", Value: "1"},
		{Name: "search_path", Value: "old"},
		{Name: "search_path", Value: `"it's", public`},
		{Name: "dynamic_library_path", Value: "/opt/lib"},
	}}
	assert.Equal(t, "# What the data may need of the configuration it was restored with.\n"+
		"search_path = '\"it''s\", public'\ndynamic_library_path = '/opt/lib:$libdir'\n", sandboxConf(r.takenOver()))
	assert.Equal(t, "$libdir:/x", fitted(Setting{Name: "dynamic_library_path", Value: "$libdir:/x"}))
}

// PostgreSQL's own words decide what goes: no list of names.
func TestRefusals(t *testing.T) {
	taken := []Setting{
		{"timezone", "US/Pacific-New", "postgresql.auto.conf", 3},
		{"search_path", "x", "postgresql.conf", 1},
		{"newer_setting", "on", "postgresql.conf", 2},
	}
	log := "2026-01-01 00:00:00.000 UTC [1] LOG:  invalid value for parameter \"TimeZone\": \"US/Pacific-New\"\n" +
		"2026-01-01 00:00:00.000 UTC [1] LOG:  unrecognized configuration parameter \"newer_setting\" in " +
		"file \"x\" line 3\n" +
		"2026-01-01 00:00:00.000 UTC [1] FATAL:  configuration file \"/etc/postgresql.conf\" contains errors\n" +
		"nobody's line names \"search_path\"\n"
	refused := refusals(log, taken)
	assert.Len(t, refused, 2)
	assert.Equal(t, `postgresql.auto.conf:3: timezone = 'US/Pacific-New' is not in the sandbox, this machine refuses `+
		`it: invalid value for parameter "TimeZone": "US/Pacific-New"`, refused[0].String())
	assert.Equal(t, taken[1:2], without(taken, refused))
	assert.Empty(t, refusals("FATAL:  could not open file \"base/1\"", taken))
}
