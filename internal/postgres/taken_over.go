package postgres

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// machineSettings say where a cluster lives, not what is in it: connections, memory, files, network,
// logging, replication, archiving, autovacuum, planner. A name that ends in * stands for all that
// begin so. Everything else is taken over, names that nobody here has heard of among them: search_path, TimeZone,
// the settings of an application. The overrides belong to this list as well.
var machineSettings = []string{
	// What a server is reached by, and how many may come.
	"port", "listen_addresses", "unix_socket_*", "bonjour*", "ssl*", "krb_*", "gss_*", "tcp_*", "scram_*", "oauth_*",
	"md5_*", "authentication_timeout", "client_connection_check_interval", "db_user_namespace",
	"superuser_reserved_connections", "reserved_connections", "max_*",
	// Files and directories. The path of libraries is completed instead: see fitted.
	"data_directory", "config_file", "hba_file", "ident_file", "external_pid_file", "stats_temp_directory",
	"temp_file_limit", "file_*", "data_sync_retry", "restart_after_crash", "remove_temp_files_after_crash",
	// Memory, processes, disks.
	"shared_*", "huge_page*", "*_buffers", "*work_mem", "hash_mem_multiplier",
	"dynamic_shared_memory_type", "min_dynamic_shared_memory", "parallel_*",
	"old_snapshot_threshold", "io_*", "effective_*", "maintenance_io_concurrency", "backend_flush_after",
	"bgwriter_*", "vacuum_*", "autovacuum*", "multixact_*", "subtransaction_*", "notify_buffers", "transaction_buffers",
	// WAL, archiving, recovery, replication.
	"wal_*", "*_wal_size", "summarize_wal", "fsync", "full_page_writes", "synchronous_*", "commit_*",
	"checkpoint_*", "archive_*", "restore_command", "recovery_*", "hot_standby*", "primary_*", "promote_trigger_file",
	"idle_replication_slot_timeout", "synchronized_standby_slots", "sync_replication_slots",
	"track_commit_timestamp",
	// Log and statistics.
	"log_*", "logging_collector", "event_source", "syslog_*", "cluster_name", "update_process_title", "debug_*",
	"trace_*", "track_*", "stats_*", "compute_query_id",
	// How queries are planned, and what only developers set.
	"enable_*", "geqo*", "jit*", "*_cost", "cpu_*", "min_parallel_*", "*_collapse_limit", "cursor_tuple_fraction",
	"default_statistics_target", "constraint_exclusion", "plan_cache_mode", "recursive_worktable_factor",
	"ignore_*", "zero_damaged_pages", "allow_*", "post_auth_delay", "pre_auth_delay", "exit_on_error",
	"session_preload_libraries", "local_preload_libraries",
}

// ofMachine says whether a setting stays where it was.
func ofMachine(name string) bool {
	if slices.ContainsFunc(overrides, func(o override) bool { return o.name == name }) {
		return true
	}
	if strings.Contains(name, ".") || name == "max_stack_depth" { // a view may need that much
		return false
	}
	return slices.ContainsFunc(machineSettings, func(pattern string) bool { return matches(pattern, name) })
}

// matches compares a name with one that may hold one *.
func matches(pattern, name string) bool {
	before, after, several := strings.Cut(pattern, "*")
	if !several {
		return pattern == name
	}
	return len(name) >= len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}

// takenOver are the settings that the data may need, as they take effect in the sandbox.
func (r Restored) takenOver() []Setting {
	var list []Setting
	for _, s := range r.Effective() {
		if !ofMachine(s.Name) {
			list = append(list, s)
		}
	}
	return list
}

// completed are paths that name directories of the machine before its own: without that one PostgreSQL does
// not find what it is shipped with.
var completed = map[string]string{"dynamic_library_path": "$libdir", "extension_control_path": "$system"}

// fitted is the value a setting gets in the sandbox.
func fitted(s Setting) string {
	own, path := completed[s.Name]
	if !path || slices.Contains(strings.Split(s.Value, ":"), own) {
		return s.Value
	}
	return strings.TrimSuffix(s.Value, ":") + ":" + own
}

// sandboxConf is the postgresql.conf of the sandbox: what is taken over, and nothing else. What must be
// so stands on the command line, which goes before it.
func sandboxConf(settings []Setting) string {
	var conf strings.Builder
	conf.WriteString("# What the data may need of the configuration it was restored with.\n")
	for _, s := range settings {
		conf.WriteString(s.Name + " = " + quoted(fitted(s)) + "\n")
	}
	return conf.String()
}

// emptyAutoConf comments out, in the postgresql.auto.conf of the restored cluster, everything but
// how recovery gets its WAL and where it ends; what is taken over stands in the sandbox's own file.
// Forcing another value is not enough: PostgreSQL checks what stands in the file all the same. One that is kept starts
// by nobody else's command until it has its own file back.
func (s *Server) emptyAutoConf(ctx context.Context) error {
	file := path.Join(s.Data, autoConf)
	content, err := s.Host.Read(ctx, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s.autoConf = []byte(opened(string(content)))
	empty := onlyRecovery(string(s.autoConf))
	if s.Kept {
		empty += closed
	}
	return s.putAutoConf(ctx, []byte(empty))
}

// Commented begins the lines of a postgresql.auto.conf that do not take effect while a restored cluster is looked at.
const Commented = "# not in the drill: "

// Closed is a setting, name=value, with which nobody starts a cluster unawares. pgBackRest writes it with those of
// recovery, before pg_control, without which nothing starts: it may end its work after veza-restore was killed.
const Closed = closing + "=" + sentence

const (
	closing     = "shared_preload_libraries"
	sentence    = "veza-restore has not ended here: go on with -resume or see " + autoConf
	closingLine = closing + " = '" + sentence + "'\n" // as pgBackRest writes it, too
)

// closed is the end of a kept cluster's postgresql.auto.conf until HandBack. Without it a cluster whose restore was
// killed, or ended by itself before recovery did, would start, by hand or with the machine, and go on without its
// archive_command, as ALTER SYSTEM had set it, or without the rest of the WAL. The run's own servers have
// shared_preload_libraries on their command line.
const closed = `
# veza-restore has not ended here. Go on with veza-restore -resume. To use the cluster as it is, without the WAL that
# was not replayed, take all from here on away, and "` + Commented + `" where lines above begin with it,
# before any ALTER SYSTEM.
` + closingLine

// opened is a postgresql.auto.conf without what closes it: taking the closing lines away is all that it takes.
func opened(content string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(content, closed), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return line == closingLine }), "")
}

// onlyRecovery is the content of a postgresql.auto.conf with nothing but restore_command and the
// recovery targets. A line that is no setting stays: PostgreSQL refuses it, here and in a disaster.
func onlyRecovery(content string) string {
	lines := strings.Split(content, "\n")
	for i, line := range lines {
		s, ok := parseConfLine(line)
		if ok && s.Name != restoreCommand && !slices.Contains(targets, s.Name) {
			lines[i] = Commented + line
		}
	}
	return strings.Join(lines, "\n")
}

// CommentedOut are the settings of a postgresql.auto.conf that a restore has commented out and not given back.
func CommentedOut(content string) (names []string) {
	for line := range strings.Lines(content) {
		rest, commented := strings.CutPrefix(strings.TrimSuffix(line, "\n"), Commented)
		if s, ok := parseConfLine(rest); ok && commented && !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}
