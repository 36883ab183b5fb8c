// Package postgres starts a restored cluster so that it can do no harm, waits
// until it is really out of recovery, and reads what it said on the way.
package postgres

import (
	"context"
	"errors"
	"path"
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

// Find looks for a server of the given major version where Debian, Red Hat and
// pg_config say it is. A server of another major is version_mismatch, none at all
// tool_missing; both name the package to install.
func Find(ctx context.Context, h host.Host, major string) (Installation, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	candidates := []string{"/usr/lib/postgresql/" + major + "/bin", "/usr/pgsql-" + major + "/bin"}
	if out, err := h.Run(ctx, host.Command{Argv: []string{"pg_config", "--bindir"}}); err == nil {
		candidates = append(candidates, strings.TrimSpace(string(out.Stdout)))
	}
	other := ""
	for _, dir := range candidates {
		found, err := installation(ctx, h, dir)
		switch {
		case err != nil && !errors.Is(err, host.ErrNotFound):
			return Installation{}, err
		case err == nil && found.Major() == major:
			return found, nil
		case err == nil:
			other = found.Version
		}
	}
	if other != "" {
		return Installation{}, reason.Errorf(reason.VersionMismatch,
			"the backup is of PostgreSQL %s, and only %s is installed here: install it with: apt-get install "+
				"postgresql-%s", major, other, major)
	}
	return Installation{}, reason.Errorf(reason.ToolMissing,
		"postgres: the server programs of PostgreSQL %s are not installed: install them with: apt-get install "+
			"postgresql-%s", major, major)
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
