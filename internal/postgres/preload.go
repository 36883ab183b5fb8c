package postgres

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
)

// neverLoaded are libraries that a sandbox never loads, and that nothing needs to read data: some would run the jobs of
// production as soon as recovery ends (facts B4), which change rows while the checks read them; others would connect to
// other clusters, or send web requests. What data is read with, and has workers as well (TimescaleDB, Citus), is loaded
// with its workers switched off: see overrides.
var neverLoaded = []string{
	"pg_cron", "pg_partman_bgw", "pg_squeeze", "powa", "pg_task", // jobs
	"pgautofailover", "pglogical", "spock", "bdr", "pgactive", "pg_failover_slots", // other clusters
	"pg_net", // web requests
}

// isNeverLoaded says whether a library, as shared_preload_libraries names it, is one of them.
func isNeverLoaded(library string) bool {
	return slices.Contains(neverLoaded, strings.TrimSuffix(path.Base(library), ".so"))
}

// assumed are libraries without which data is not read, or not all of it, and that do nothing to data that is not
// theirs. Where the restored files cannot say what production preloaded they are loaded if they are installed here: for
// that they were installed. Citus wants to be the first.
var assumed = []string{"citus", "timescaledb"}

// chooseLibraries decides what the server begins with.
func (s *Server) chooseLibraries(ctx context.Context) {
	const name = "shared_preload_libraries"
	value, set := s.Restored.Value(name)
	inNoBackup := !set && s.inNoBackup(name)
	if inNoBackup {
		value.Value = strings.Join(assumed, ",")
	}
	preloaded, leftOut := s.preload(ctx, value.Value)
	if s.Assumed = inNoBackup && len(preloaded) > 0; inNoBackup {
		leftOut = nil // nobody says that production has them
	}
	startMu.Lock()
	defer startMu.Unlock()
	s.Preloaded, s.LeftOut = preloaded, leftOut
}

// unassume leaves out those assumed libraries that PostgreSQL named when it did not start, and says whether there were
// any: production may never have had them, and the package that is here may be of no use.
func (s *Server) unassume(ctx context.Context) bool {
	if !s.Assumed {
		return false
	}
	log, err := s.ReadLog(ctx)
	if err != nil || !log.RedoStart.IsZero() { // then the library was loaded, and it is the data that speaks
		return false
	}
	said := strings.Join(log.Fatal, "; ")
	named := func(library string) bool { return strings.Contains(strings.ToLower(said), library) }
	useless := slices.DeleteFunc(slices.Clone(s.Preloaded), func(library string) bool { return !named(library) })
	if len(useless) == 0 {
		return false
	}
	s.useless = append(s.useless, fmt.Sprintf("shared_preload_libraries is in no backup: %s is installed here, and "+
		"left out, since PostgreSQL does not start with it: %s", strings.Join(useless, ", "), cutLine(said)))
	startMu.Lock()
	defer startMu.Unlock()
	s.Preloaded = slices.DeleteFunc(slices.Clone(s.Preloaded), named)
	s.Assumed = len(s.Preloaded) > 0
	return true
}

// preload decides which of the libraries the cluster preloads are loaded here:
// those that are installed, because custom WAL records need theirs for replay. What
// is left out is listed for the report.
func (s *Server) preload(ctx context.Context, value string) (wanted, leftOut []string) {
	libraries := splitList(value)
	if len(libraries) == 0 {
		return nil, nil
	}
	libdir := s.libdir(ctx)
	for _, library := range libraries {
		if s.loadable(ctx, libdir, library) {
			wanted = append(wanted, library)
		} else {
			leftOut = append(leftOut, library)
		}
	}
	return wanted, leftOut
}

// libdir is where the libraries of this build are.
func (s *Server) libdir(ctx context.Context) string {
	dir, err := s.Host.Run(ctx, host.Command{Argv: []string{s.Installation.Program("pg_config"), "--pkglibdir"}})
	if err != nil { // pg_config comes with a development package on some systems
		return path.Join(path.Dir(s.Installation.BinDir), "lib")
	}
	return strings.TrimSpace(string(dir.Stdout))
}

func (s *Server) loadable(ctx context.Context, libdir, library string) bool {
	return !isNeverLoaded(library) && s.installed(ctx, libdir, library)
}

// installed says whether a library, as a setting names it, is on the machine.
func (s *Server) installed(ctx context.Context, libdir, library string) bool {
	file := strings.Replace(library, "$libdir", libdir, 1)
	if !path.IsAbs(file) {
		file = path.Join(libdir, file)
	}
	_, err := s.Host.Run(ctx, host.Command{Argv: []string{"test", "-r", strings.TrimSuffix(file, ".so") + ".so"}})
	return err == nil
}

// units are those the value of a time setting may end in; without one it is in seconds.
var units = []struct {
	name   string
	length time.Duration
}{
	{"us", time.Microsecond},
	{"ms", time.Millisecond},
	{"min", time.Minute},
	{"s", time.Second},
	{"h", time.Hour},
	{"d", 24 * time.Hour},
	{"", time.Second},
}

// parseSeconds reads a time setting, which is in seconds without a unit.
func parseSeconds(value string) (time.Duration, error) {
	for _, unit := range units {
		if digits, ok := strings.CutSuffix(value, unit.name); ok {
			if n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64); err == nil {
				return time.Duration(n * float64(unit.length)), nil
			}
		}
	}
	return 0, fmt.Errorf("%q is no duration", value)
}
