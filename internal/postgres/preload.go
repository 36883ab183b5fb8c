package postgres

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
)

// neverLoaded are libraries that a sandbox never loads: pg_cron would run the jobs of
// production as soon as recovery ends (facts B4), pglogical would connect to its other
// clusters, pg_net would send its web requests.
var neverLoaded = []string{"pg_cron", "pgautofailover", "pglogical", "pg_net"}

// preload decides which of the libraries the cluster preloads are loaded here:
// those that are installed, because custom WAL records need theirs for replay. What
// is left out is listed for the report.
func (s *Server) preload(ctx context.Context, value string) (wanted, leftOut []string) {
	libraries := splitList(value)
	if len(libraries) == 0 {
		return nil, nil
	}
	dir, err := s.Host.Run(ctx, host.Command{Argv: []string{s.Installation.Program("pg_config"), "--pkglibdir"}})
	libdir := strings.TrimSpace(string(dir.Stdout))
	if err != nil { // pg_config comes with a development package on some systems
		libdir = path.Join(path.Dir(s.Installation.BinDir), "lib")
	}
	for _, library := range libraries {
		if s.loadable(ctx, libdir, library) {
			wanted = append(wanted, library)
		} else {
			leftOut = append(leftOut, library)
		}
	}
	return wanted, leftOut
}

func (s *Server) loadable(ctx context.Context, libdir, library string) bool {
	name := strings.TrimSuffix(path.Base(library), ".so")
	for _, u := range neverLoaded {
		if name == u {
			return false
		}
	}
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
