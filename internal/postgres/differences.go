package postgres

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// difference is a restored setting that the drill does not obey, and a restore by hand does: pgBackRest
// removes recovery settings of its own from postgresql.auto.conf, and touches no other file.
type difference struct {
	name     string
	harmless []string // values that change nothing; the empty one never does
	targeted bool     // it counts only where recovery has a target
	plain    string   // what a plain `pgbackrest restore` and start would do
}

// differences are all overrides that change what comes back, or whether it does. The other overrides only
// say on which machine, or keep the sandbox from doing harm.
var differences = []difference{
	{"recovery_target", nil, false, stopsEarly + "as soon as the backup is consistent" + andWaits},
	{"recovery_target_time", nil, false, stopsEarly + "at that time" + andWaits},
	{"recovery_target_lsn", nil, false, stopsEarly + "at that position" + andWaits},
	{"recovery_target_name", nil, false, stopsEarly + "at that restore point" + andWaits},
	{"recovery_target_xid", nil, false, stopsEarly + "at that transaction" + andWaits},
	{
		"recovery_target_timeline",
		[]string{"latest"},
		false,
		"recovery stays on that timeline, and what was written after a failover does not come back",
	},
	{
		"recovery_target_inclusive", onValues, true,
		"recovery stops just before its target, and the drill just after it",
	},
	{
		"recovery_target_action",
		[]string{"pause", "promote"},
		true,
		"the server shuts down when it reaches its target",
	},
	{"recovery_min_apply_delay", zeroValues, false, "recovery waits until each commit is so old"},
	{"recovery_end_command", nil, false, "the command runs at the end of recovery"},
	{"archive_cleanup_command", nil, false, "the command runs while WAL is replayed, and may remove some"},
	{
		"zero_damaged_pages", offValues, false,
		"damaged pages are taken for empty ones: their rows are lost without an error",
	},
	{"ignore_checksum_failure", offValues, false, "pages with a wrong checksum are used as they are"},
	{"ignore_invalid_pages", offValues, false, "WAL for pages that are missing is passed over"},
	{"ignore_system_indexes", offValues, false, "system indexes are not used, and not seen to be broken"},
	{
		"synchronous_standby_names", nil, false,
		"the first COMMIT waits for a standby that is not there: start without it",
	},
}

const (
	stopsEarly = "recovery stops "
	andWaits   = ", and waits there: what was archived later does not come back"
)

// Values of a boolean setting, and of one that is off.
var (
	onValues   = []string{"on", "true", "yes", "1", "t", "y"}
	offValues  = []string{"off", "false", "no", "0", "f", "n"}
	zeroValues = []string{"0", "0ms", "0s", "0min", "0h", "0d"}
)

// outsideFiles are settings that name a file or directory. One that lies out of the data directory
// is in no backup.
var outsideFiles = []struct{ name, plain string }{
	{"data_directory", "PostgreSQL starts what lies there, not what was restored"},
	{"hba_file", "PostgreSQL does not start without it"},
	{"ident_file", ""},
	{"ssl_cert_file", needsWithTLS},
	{"ssl_key_file", needsWithTLS},
	{"ssl_ca_file", needsWithTLS},
	{"ssl_crl_file", needsWithTLS},
	{"ssl_dh_params_file", needsWithTLS},
}

const needsWithTLS = "PostgreSQL does not start without it while ssl is on"

// Differences are sentences on what the drill did otherwise than a plain restore from the same backup
// and a start with the restored configuration.
func (s *Server) Differences() []string {
	var list []string
	say := func(at Setting, plain string) {
		list = append(list, fmt.Sprintf("%s:%d: %s = %s: not obeyed here; after a plain restore %s",
			at.File, at.Line, at.Name, quoted(at.Value), plain))
	}
	for _, d := range differences {
		at, set := s.Restored.Value(d.name)
		if set && at.Value != "" && !slices.Contains(d.harmless, strings.ToLower(at.Value)) &&
			(!d.targeted || s.Target != "") && d.name != s.Target {
			plain := d.plain
			if s.Target != "" && slices.Contains(targets, d.name) {
				plain = "PostgreSQL does not start with two recovery targets"
			}
			say(at, plain)
		}
	}
	list = append(list, s.Restored.missingFiles()...)
	list = append(list, s.useless...)
	if s.Assumed {
		list = append(list, fmt.Sprintf("shared_preload_libraries is in no backup: preloaded, because it is installed "+
			"here: %s; a restore by hand needs what production has", strings.Join(s.Preloaded, ", ")))
	}
	list = append(list, s.outside()...)
	return list
}

// missingFiles are sentences on files of the configuration that did not come back, or cannot be read.
func (r Restored) missingFiles() (list []string) {
	missing := r.Missing
	if _, elsewhere := r.Value("hba_file"); elsewhere {
		missing = slices.DeleteFunc(slices.Clone(missing), func(name string) bool { return name == "pg_hba.conf" })
	}
	if _, elsewhere := r.Value("ident_file"); elsewhere {
		missing = slices.DeleteFunc(slices.Clone(missing), func(name string) bool { return name == "pg_ident.conf" })
	}
	if len(missing) > 0 {
		list = append(list, fmt.Sprintf("%s: not in the backup; a restore by hand needs it, "+
			"from where production keeps it (such as /etc/postgresql)", strings.Join(missing, ", ")))
	}
	if len(r.Refused) > 0 {
		list = append(list, fmt.Sprintf("%s: no setting; after a plain restore PostgreSQL does not start with it",
			strings.Join(r.Refused, ", ")))
	}
	for _, at := range r.Outside {
		if at.Name != "include_if_exists" {
			list = append(list, fmt.Sprintf("%s:%d: %s %s: what it names is in no backup; after a plain restore "+
				"PostgreSQL does not start without it", at.File, at.Line, at.Name, quoted(at.Value)))
		}
	}
	return list
}

// outside are sentences on files that lie out of the data directory.
func (s *Server) outside() (list []string) {
	on, set := s.Restored.Value("ssl")
	tls := set && slices.Contains(onValues, strings.ToLower(on.Value))
	for _, f := range outsideFiles {
		at, set := s.Restored.Value(f.name)
		if !set || !path.IsAbs(at.Value) || f.plain == "" || f.plain == needsWithTLS && !tls || s.within(at.Value) {
			continue
		}
		list = append(list, fmt.Sprintf("%s:%d: %s = %s lies out of the data directory, and is in no backup: "+
			"after a plain restore %s", at.File, at.Line, at.Name, quoted(at.Value), f.plain))
	}
	return list
}

// within says whether a path lay in the data directory on production.
func (s *Server) within(file string) bool {
	return below(file, s.Origin) || s.Origin != "" && path.Clean(file) == path.Clean(s.Origin)
}

// below says whether an absolute path lies in a directory; in "" lies none.
func below(file, dir string) bool {
	return dir != "" && strings.HasPrefix(path.Clean(file), path.Clean(dir)+"/")
}
