package postgres

import (
	"slices"
	"strconv"
	"strings"
)

// override is one setting forced on the command line, which goes before
// postgresql.auto.conf, and the first major version that knows it.
type override struct {
	name, value string
	since       int
}

// overrides keep a restored cluster from doing any harm, whatever it was configured to do
// where it came from. facts B4 has a reason and an experiment for most of them.
var overrides = []override{
	// It never archives.
	{"archive_mode", "off", 0},
	{"archive_command", "", 0},
	{"archive_library", "", 15},
	// It follows no other cluster, publishes nothing, and runs nothing by itself.
	{"primary_conninfo", "", 12},
	{"primary_slot_name", "", 12},
	{"synchronous_standby_names", "", 0},
	{"max_logical_replication_workers", "0", 0},
	{"cron.launch_active_jobs", "off", 0},
	// Extensions without which their data cannot be read are loaded, and their workers do not work. TimescaleDB's
	// launcher ends at once with 0, and with it the jobs that compress, refresh and drop (its bgw_launcher.c). Citus's
	// maintenance daemon cannot be kept away: it neither connects to other nodes for prepared transactions and
	// deadlocks, nor drops shards, nor takes up background tasks (its maintenanced.c).
	{"timescaledb.max_background_workers", "0", 0},
	{"citus.recover_2pc_interval", "-1", 0},
	{"citus.distributed_deadlock_detection_factor", "-1", 0},
	{"citus.defer_shard_delete_interval", "-1", 0},
	{"citus.background_task_queue_interval", "-1", 0},
	// Off, it still begins against a wraparound, once the oldest row is older than these say (varsup.c,
	// SetTransactionIdLimit): it would cut files that the checks read. Production's own limits may be far beyond
	// the defaults; these are the most there is, which no cluster that takes writes has passed. One with more than 2^31
	// multixact members has it begin all the same (multixact.c, MultiXactMemberFreezeThreshold).
	{"autovacuum", "off", 0},
	{"autovacuum_freeze_max_age", "2000000000", 0},
	{"autovacuum_multixact_freeze_max_age", "2000000000", 0},
	{"recovery_end_command", "", 12},
	{"archive_cleanup_command", "", 12},
	{"event_triggers", "off", 17},
	{"session_preload_libraries", "", 0},
	{"local_preload_libraries", "", 0},
	{"ssl_passphrase_command", "", 0},
	// It recovers to the newest timeline, at once. Connections are refused until it
	// is out of recovery: an answer then means recovered, and a max_connections
	// raised in the WAL cannot pause it.
	{"hot_standby", "off", 0},
	{"recovery_target_timeline", "latest", 12},
	{"recovery_target_inclusive", "on", 12},
	{"recovery_target_action", "promote", 12},
	{"recovery_min_apply_delay", "0", 12},
	// It shows damage where there is some.
	{"zero_damaged_pages", "off", 0},
	{"ignore_checksum_failure", "off", 0},
	{"ignore_invalid_pages", "off", 13},
	// It listens on its own socket alone, and needs no file of the machine it came from.
	{"listen_addresses", "", 0},
	{"ssl", "off", 0},
	{"bonjour", "off", 0},
	{"unix_socket_group", "", 0},
	{"unix_socket_permissions", "0700", 0},
	{"krb_server_keyfile", "", 0},
	// The role that asks the data is no superuser, and needs no connection kept free for one.
	{"superuser_reserved_connections", "0", 0},
	{"reserved_connections", "0", 16},
	// The progress of each replication origin, from the backup and from the WAL, needs a place of these, or nothing
	// starts (origin.c); of how many production had, the control file does not know.
	{"max_replication_slots", "4096", 0},
	{"max_active_replication_origins", "4096", 18},
	// It fits a small machine.
	{"wal_keep_size", "0", 13},
	{"temp_buffers", "8MB", 0},
	{"max_files_per_process", "1000", 0},
	{"io_method", "worker", 18},
	// Its log is ours to read: English, complete, in UTC, on standard error.
	{"logging_collector", "off", 0},
	{"log_destination", "stderr", 0},
	{"lc_messages", "C", 0},
	{"log_timezone", "UTC", 0},
	{logPrefixSetting, logPrefix, 0}, // and the token of the start: see settings
	{"log_min_messages", "warning", 0},
	{"log_error_verbosity", "default", 0},
	{"log_statement", "none", 0},
	{"log_min_duration_statement", "-1", 0},
	{"log_connections", "off", 0},
}

// How a line of the log begins.
const (
	logPrefixSetting = "log_line_prefix"
	logZone          = "log_timezone=UTC"
	linePrefix       = logPrefixSetting + "=" + logPrefix
)

// targets are the recovery targets; all but the wanted one are emptied, because a
// second one is FATAL "multiple recovery targets specified".
var targets = []string{
	"recovery_target", "recovery_target_time", "recovery_target_lsn", "recovery_target_name",
	"recovery_target_xid",
}

// settings are the -c options of the postgres command line, in a stable order.
func (s *Server) settings(control Control, preload []string) []string {
	major, _ := strconv.Atoi(s.Installation.Major())
	var list []string
	add := func(name, value string) { list = append(list, name+"="+value) }
	for _, o := range overrides {
		if s.Kept && o.name == "archive_mode" {
			o.value = s.archiveMode()
		}
		if major >= o.since {
			add(o.name, o.value)
		}
	}
	for _, target := range targets {
		if target != s.Target {
			add(target, "")
		}
	}
	for name, label := range inherited {
		value := control[label]
		if name == preparedSetting {
			value = s.prepared(value)
		}
		if value != "" {
			add(name, value)
		}
	}
	list = append(list, replayed(replaySize{s.memory, segmentMegabytes(control)}, major)...)
	add("shared_preload_libraries", strings.Join(preload, ","))
	add("config_file", s.file("postgresql.conf"))
	add("hba_file", s.file("pg_hba.conf"))
	add("ident_file", s.file("pg_ident.conf"))
	add("external_pid_file", s.file("external.pid")) // empty would be taken for a name
	add("unix_socket_directories", quotedItem(s.Socket))
	add("port", strconv.Itoa(s.Port))
	slices.Sort(list)
	if s.Hold != nil {
		list = s.Hold.held(list)
	}
	// How a line begins stands first, so that a complaint about any other setting begins so as well.
	list = slices.DeleteFunc(list, func(setting string) bool { return setting == logZone || setting == linePrefix })
	return append([]string{logZone, linePrefix + s.token + " "}, list...)
}

// quotedItem is one item of a list of directories, where a comma would begin the next.
func quotedItem(directory string) string { return `"` + strings.ReplaceAll(directory, `"`, `""`) + `"` }
