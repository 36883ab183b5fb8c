package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
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
func (s *Server) preload(ctx context.Context) (wanted, leftOut []string, err error) {
	value, err := s.restoredSetting(ctx, "shared_preload_libraries")
	if err != nil || value == "" {
		return nil, nil, err
	}
	dir, err := s.Host.Run(ctx, host.Command{Argv: []string{s.Installation.Program("pg_config"), "--pkglibdir"}})
	libdir := strings.TrimSpace(string(dir.Stdout))
	if err != nil { // pg_config comes with a development package on some systems
		libdir = path.Join(path.Dir(s.Installation.BinDir), "lib")
	}
	for _, library := range splitList(value) {
		if s.loadable(ctx, libdir, library) {
			wanted = append(wanted, library)
		} else {
			leftOut = append(leftOut, library)
		}
	}
	return wanted, leftOut, nil
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

// restoredSetting is the value a setting had where the cluster came from:
// postgresql.auto.conf before postgresql.conf and what that includes. Files that
// were not in the backup are skipped: Debian keeps them in /etc.
func (s *Server) restoredSetting(ctx context.Context, name string) (string, error) {
	value, found, err := s.lookup(ctx, path.Join(s.Data, "postgresql.auto.conf"), name, 0)
	if err != nil || found {
		return value, err
	}
	value, _, err = s.lookup(ctx, path.Join(s.Data, "postgresql.conf"), name, 0)
	return value, err
}

// ArchiveTimeout is the archive_timeout of the primary the cluster was restored from; 0 is off,
// which is PostgreSQL's default as well.
func (s *Server) ArchiveTimeout(ctx context.Context) (time.Duration, error) {
	value, err := s.restoredSetting(ctx, "archive_timeout")
	if err != nil || value == "" {
		return 0, err
	}
	return parseSeconds(value)
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

const maxIncludes = 10 // PostgreSQL's own limit on nesting (CONF_FILE_MAX_DEPTH)

func (s *Server) lookup(ctx context.Context, file, name string, depth int) (value string, found bool, err error) {
	content, err := s.Host.Read(ctx, file)
	if errors.Is(err, fs.ErrNotExist) || depth > maxIncludes {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	for _, option := range ParseConf(string(content)) {
		switch {
		case option[0] == name:
			value, found = option[1], true // the last one wins
		case (option[0] == "include" || option[0] == "include_if_exists") && s.inData(file, option[1]):
			if v, ok, err := s.lookup(ctx, path.Join(path.Dir(file), option[1]), name, depth+1); err == nil && ok {
				value, found = v, true
			}
		}
	}
	return value, found, nil
}

// inData keeps the reading inside the restored directory: what lies outside belongs to this machine.
func (s *Server) inData(from, included string) bool {
	return !path.IsAbs(included) && strings.HasPrefix(path.Join(path.Dir(from), included), s.Data+"/")
}

// confLine is `name = value  # comment`; the = is optional and the value may be quoted.
var confLine = regexp.MustCompile(`^\s*([A-Za-z_][A-Za-z0-9_.$]*)\s*=?\s*('(?:[^']|'')*'|[^\s#']*)`)

// ParseConf reads the options of a postgresql.conf in order, names in lower case.
func ParseConf(content string) [][2]string {
	var options [][2]string
	for _, line := range strings.Split(content, "\n") {
		match := confLine.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		value := match[2]
		if len(value) >= 2 && value[0] == '\'' {
			value = strings.ReplaceAll(strings.ReplaceAll(value[1:len(value)-1], "''", "'"), `\'`, "'")
		}
		options = append(options, [2]string{strings.ToLower(match[1]), value})
	}
	return options
}

// splitList splits a comma-separated list of library names, quotes taken off.
func splitList(value string) []string {
	var list []string
	for _, item := range strings.Split(value, ",") {
		if item = strings.Trim(strings.TrimSpace(item), `"`); item != "" {
			list = append(list, item)
		}
	}
	return list
}
