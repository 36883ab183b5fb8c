package postgres

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/host"
)

// library is a machine that has some libraries, and one file.
type library struct {
	host.Host
	has []string
}

func (l library) Run(_ context.Context, c host.Command) (host.Result, error) {
	if c.Argv[0] == "test" && !slices.Contains(l.has, c.Argv[len(c.Argv)-1]) {
		return host.Result{}, &host.ExitError{Code: 1}
	}
	return host.Result{Stdout: []byte("/lib\n")}, nil
}

// What is installed here is loaded, but for what would run or send what is in the data.
func TestPreload(t *testing.T) {
	s := Server{Host: library{
		has: []string{
			"/lib/pg_stat_statements.so",
			"/lib/pg_cron.so",
			"/lib/pglogical.so",
			"/lib/pg_net.so",
			"/lib/pgautofailover.so",
		},
	}}
	loaded, leftOut := s.preload(t.Context(), `pg_stat_statements, pg_cron, "$libdir/pglogical", gone, pg_net.so, `+
		`pgautofailover`)
	assert.Equal(t, []string{"pg_stat_statements"}, loaded)
	assert.Equal(t, []string{"pg_cron", "$libdir/pglogical", "gone", "pg_net.so", "pgautofailover"}, leftOut)
}

// What data is read with is loaded, and what runs jobs or connects elsewhere is not; the jobs of what is loaded are
// switched off on the command line, which goes before what the restored configuration says.
func TestPreload_NoJobs(t *testing.T) {
	s := Server{Host: library{has: []string{
		"/lib/timescaledb.so", "/lib/citus.so", "/lib/spock.so", "/lib/pg_partman_bgw.so", "/lib/bdr.so",
		"/lib/pg_failover_slots.so", "/lib/pg_squeeze.so",
	}}}
	loaded, leftOut := s.preload(t.Context(),
		"citus, timescaledb, spock, bdr, pg_partman_bgw, pg_failover_slots, pg_squeeze")
	assert.Equal(t, []string{"citus", "timescaledb"}, loaded)
	assert.Equal(t, []string{"spock", "bdr", "pg_partman_bgw", "pg_failover_slots", "pg_squeeze"}, leftOut)
	settings := s.settings(Control{}, loaded)
	for _, name := range []string{
		"timescaledb.max_background_workers=0", "citus.recover_2pc_interval=-1", "citus.defer_shard_delete_interval=-1",
		"citus.background_task_queue_interval=-1", "citus.distributed_deadlock_detection_factor=-1",
	} {
		assert.Contains(t, settings, name)
	}
	assert.Empty(t, Restored{Settings: []Setting{{Name: "timescaledb.max_background_workers", Value: "8"}}}.takenOver())
	assert.Len(t, Restored{Settings: []Setting{{Name: "timescaledb.license", Value: "apache"}}}.takenOver(), 1)
}

// Where the restored files cannot say what production preloaded, what reads data is loaded if it is installed here, and
// the report says so. Where they say it, or say nothing and are all there, nothing is assumed.
func TestChooseLibraries_InNoBackup(t *testing.T) {
	at := func(name, value string) Setting { return Setting{Name: name, Value: value} }
	named := []Setting{at("shared_preload_libraries", "pg_tde")}
	for name, c := range map[string]struct {
		restored        Restored
		has             []string
		loaded, leftOut []string
	}{
		"command line": {
			Restored{Settings: []Setting{at("port", "5432")}},
			[]string{"/lib/timescaledb.so"},
			[]string{"timescaledb"},
			nil,
		},
		"command line, and named by ALTER SYSTEM": {
			Restored{Settings: named}, []string{"/lib/timescaledb.so"}, nil, []string{"pg_tde"},
		},
		"no postgresql.conf": {
			Restored{Missing: []string{mainConf}}, []string{"/lib/timescaledb.so"}, []string{"timescaledb"}, nil,
		},
		"an include out of reach": {
			Restored{Outside: []Setting{at("include", "/etc/x.conf")}},
			[]string{"/lib/timescaledb.so", "/lib/citus.so"},
			[]string{"citus", "timescaledb"},
			nil,
		},
		"not installed here": {Restored{Missing: []string{mainConf}}, nil, nil, nil},
		"named by ALTER SYSTEM": {
			Restored{Missing: []string{mainConf}, Settings: named},
			[]string{"/lib/timescaledb.so"},
			nil,
			[]string{"pg_tde"},
		},
		"all there, and preloads nothing": {
			Restored{Settings: []Setting{at("archive_mode", "on")}}, []string{"/lib/timescaledb.so"}, nil, nil,
		},
		"another file is missing": {
			Restored{Missing: []string{"pg_hba.conf"}, Settings: []Setting{at("archive_mode", "always")}},
			[]string{"/lib/timescaledb.so"},
			nil,
			nil,
		},
	} {
		s := Server{Host: library{has: c.has}, Restored: c.restored, Archived: true}
		s.chooseLibraries(t.Context())
		assert.Equal(t, c.loaded, s.Preloaded, name)
		assert.Equal(t, c.leftOut, s.LeftOut, name)
		said := strings.Contains(strings.Join(s.Differences(), "; "), "shared_preload_libraries is in no backup")
		assert.Equal(t, len(c.loaded) > 0, said, name)
	}
}

// A set that was taken offline shows nothing of a command line.
func TestChooseLibraries_Offline(t *testing.T) {
	s := Server{Host: library{has: []string{"/lib/timescaledb.so"}}}
	s.chooseLibraries(t.Context())
	assert.Empty(t, s.Preloaded)
}

// refusing is a machine whose postmaster ends with words when it begins with a library, and else is up.
type refusing struct {
	library
	with, words, after string // after is what it says before that
	log                strings.Builder
	starts             []string // what each began with
}

func (r *refusing) Put(context.Context, string, []byte, fs.FileMode, string) error { return nil }

func (r *refusing) Read(context.Context, string) ([]byte, error) { return []byte(r.log.String()), nil }

var (
	startToken   = regexp.MustCompile(`veza-[A-Z2-7]+`)
	startPreload = regexp.MustCompile(`shared_preload_libraries='?([a-z,]*)`)
)

func (r *refusing) Run(ctx context.Context, c host.Command) (host.Result, error) {
	if path.Base(c.Argv[0]) != "pg_ctl" {
		return r.library.Run(ctx, c)
	}
	options := c.Argv[len(c.Argv)-1]
	preload := startPreload.FindStringSubmatch(options)[1]
	r.starts = append(r.starts, preload)
	if !slices.Contains(strings.Split(preload, ","), r.with) {
		return host.Result{}, nil
	}
	for _, line := range []string{r.after, r.words} {
		if line != "" {
			fmt.Fprintf(&r.log, "2026-08-23 12:00:00.000 UTC [12] %s %s\n", startToken.FindString(options), line)
		}
	}
	return host.Result{}, &host.ExitError{Code: 1}
}

// A library that is only assumed, and that PostgreSQL does not start with here, is left out and named; the other one
// stays. One that production names is as needed as ever, and a start that fails of something else is not tried again.
func TestStart_WithoutAnAssumedLibrary(t *testing.T) {
	const broken = `FATAL:  could not load library "/lib/citus.so": libpq.so.5: cannot open shared object file`
	missing := Restored{Missing: []string{mainConf}}
	for name, c := range map[string]struct {
		restored           Restored
		with, words, after string
		starts             []string
		notes              string
	}{
		"assumed": {
			missing, "citus", broken, "",
			[]string{"citus,timescaledb", "timescaledb"},
			"citus is installed here, and left out, since PostgreSQL does not start with it: could not load library",
		},
		"by its own words": {
			missing, "timescaledb", `FATAL:  TimescaleDB does not support this version`, "",
			[]string{"citus,timescaledb", "citus"},
			"timescaledb is installed here, and left out",
		},
		"another cause": {missing, "citus", `FATAL:  could not open file "x"`, "", []string{"citus,timescaledb"}, ""},
		"replay had begun": {
			missing, "citus", broken, "LOG:  redo starts at 0/2000028",
			[]string{"citus,timescaledb"},
			"",
		},
		"production names it": {
			Restored{Settings: []Setting{{Name: "shared_preload_libraries", Value: "citus"}}},
			"citus", broken, "",
			[]string{"citus"},
			"",
		},
		"it starts": {missing, "", "", "", []string{"citus,timescaledb"}, ""},
	} {
		machine := &refusing{
			library: library{has: []string{"/lib/citus.so", "/lib/timescaledb.so"}},
			with:    c.with, words: c.words, after: c.after,
		}
		s := Server{Host: machine, Restored: c.restored, control: Control{}}
		s.chooseLibraries(t.Context())
		err := s.Start(t.Context(), Control{})
		assert.Equal(t, c.starts, machine.starts, name)
		assert.Equal(t, c.notes != "" || c.with == "", err == nil, name)
		said := strings.Join(s.Differences(), "\n")
		assert.Contains(t, said, c.notes, name)
		if c.notes == "" {
			assert.NotContains(t, said, "does not start with it", name)
		}
	}
}
