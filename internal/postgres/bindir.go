// Package postgres starts a restored cluster so that it can do no harm, waits
// until it is really out of recovery, and reads what it said on the way.
package postgres

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// Installation is one PostgreSQL server on a host.
type Installation struct {
	BinDir  string
	Version string // as postgres --version gives it: 15.18
}

// Major is the first part of the version.
func (i Installation) Major() string { major, _, _ := strings.Cut(i.Version, "."); return major }

// Program is the absolute path of one of the server's programs.
func (i Installation) Program(name string) string { return path.Join(i.BinDir, name) }

const toolTimeout = 10 * time.Second

// debian is where Debian's packages put servers: a directory a major version.
const debian = "/usr/lib/postgresql"

// Find looks for a server of a backup's major version where Debian, Red Hat and
// pg_config say it is. Servers of other versions alone are version_mismatch, none at all
// tool_missing; both name the package to install, or the image to make.
func Find(ctx context.Context, h host.Host, major string) (Installation, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	candidates := []string{path.Join(debian, major, "bin"), "/usr/pgsql-" + major + "/bin"}
	if out, err := h.Run(ctx, host.Command{Argv: []string{"pg_config", "--bindir"}}); err == nil {
		candidates = append(candidates, strings.TrimSpace(string(out.Stdout)))
	}
	var others []string
	for _, dir := range candidates {
		found, err := installation(ctx, h, dir)
		switch {
		case err != nil && !errors.Is(err, host.ErrNotFound):
			return Installation{}, err
		case err == nil && found.Major() == major:
			return found, nil
		case err == nil:
			others = append(others, found.Version)
		}
	}
	others = append(others, installed(ctx, h)...)
	slices.Sort(others)
	others = slices.Compact(others)
	remedy := host.Remedy(h, major, "postgresql-"+major)
	if len(others) > 0 {
		return Installation{}, reason.Errorf(reason.VersionMismatch,
			"the backup is of PostgreSQL %s, and %s has only %s: %s", major, host.Place(h),
			strings.Join(others, " and "), remedy)
	}
	return Installation{}, reason.Errorf(reason.ToolMissing,
		"postgres: the backup is of PostgreSQL %s, and %s has no server programs: %s", major, host.Place(h), remedy)
}

// installed are the versions of all servers that Debian's packages put there, as far as they say them.
func installed(ctx context.Context, h host.Host) (versions []string) {
	out, _ := h.Run(ctx, host.Command{Argv: []string{"ls", debian}}) // there may be no such directory
	for _, major := range strings.Fields(string(out.Stdout)) {
		if found, err := installation(ctx, h, path.Join(debian, major, "bin")); err == nil {
			versions = append(versions, found.Version)
		}
	}
	return versions
}

func installation(ctx context.Context, h host.Host, dir string) (Installation, error) {
	out, err := h.Run(ctx, host.Command{Argv: []string{path.Join(dir, "postgres"), "--version"}})
	if err != nil {
		return Installation{}, err
	}
	fields := strings.Fields(string(out.Stdout)) // postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
	if len(fields) < 3 {
		return Installation{}, reason.Errorf(reason.ToolMissing, "%s/postgres --version says %q", dir, out.Stdout)
	}
	return Installation{BinDir: dir, Version: fields[2]}, nil
}
