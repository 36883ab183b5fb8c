package drill

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// seal keeps the replay from places outside of the sandbox. On a node those of the backup are where they belong, and a
// later one must be looked at before anything is written there: it may hold what the lost cluster had.
func (r *recovered) seal(ctx context.Context) error {
	if r.real != nil {
		if err := r.real.recovering(); err != nil {
			return err
		}
	}
	return reason.Wrap(reason.SandboxFailed, r.cluster.server.SealTablespaces(ctx))
}

func (r *recovered) linksInside(ctx context.Context) error {
	if r.real != nil {
		return reason.Wrap(reason.SandboxFailed, r.cluster.server.UnsealTablespaces(ctx))
	}
	return linksInside(ctx, r.box, r.cluster.server)
}

// linksInside makes sure, before the first query, that no tablespace leads out of the sandbox.
func linksInside(ctx context.Context, box sandbox.Sandbox, server *postgres.Server) error {
	if err := noneOutside(ctx, box, server); err != nil {
		return err
	}
	return reason.Wrap(reason.SandboxFailed, server.UnsealTablespaces(ctx))
}

// sealedInside does so of a hot standby, which answers before it has replayed all: the seal stays.
func (r *recovered) sealedInside(ctx context.Context) error {
	return noneOutside(ctx, r.box, r.cluster.server)
}

// noneOutside is isolation_breached for a tablespace that leads out of the sandbox.
func noneOutside(ctx context.Context, box sandbox.Sandbox, server *postgres.Server) error {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	said, err := box.Run(ctx,
		host.Command{Argv: []string{"find", path.Join(server.Data, "pg_tblspc"), "-type", "l", "-printf", "%l\n"}})
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	if outside := firstOutside(string(said.Stdout), box.Dir("tblspc")); outside != "" {
		return reason.Errorf(reason.IsolationBreached, "a tablespace points out of the sandbox, to %s", outside)
	}
	return nil
}

// dropLeftLinks takes away the links of tablespaces that were dropped after the backup: sealed, the
// replay could not, and what reads all files would stumble over them.
func (r *recovered) dropLeftLinks(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	rows, err := r.conn.Query(ctx, "SELECT oid::text FROM pg_catalog.pg_tablespace")
	if err != nil {
		return err
	}
	there, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	directory := path.Join(r.cluster.server.Data, "pg_tblspc")
	said, err := r.box.Run(ctx, host.Command{Argv: []string{"find", directory, "-type", "l", "-printf", "%f\n"}})
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	for _, link := range strings.Fields(string(said.Stdout)) {
		if slices.Contains(there, link) {
			continue
		}
		if _, err = r.box.Run(ctx, host.Command{Argv: []string{"rm", path.Join(directory, link)}}); err != nil {
			return reason.Wrap(reason.SandboxFailed, err)
		}
	}
	return nil
}

// firstOutside is the first of the links' targets, one a line, that is not below a directory;
// "" when all are.
func firstOutside(links, directory string) string {
	for link := range strings.Lines(links) {
		link = strings.TrimSuffix(link, "\n")
		if !strings.HasPrefix(path.Clean(link), directory+"/") {
			return link
		}
	}
	return ""
}
