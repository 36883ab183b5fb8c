package drill

import (
	"context"
	"path"
	"slices"
	"strings"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/verify"
)

// cloneIsolated proves, inside the database, that the clone is cut off, and names what is in
// the data that would reach out elsewhere.
func (r recovered) cloneIsolated(ctx context.Context, out suite.Out) error {
	server := r.cluster.server
	notes, err := verify.CloneIsolated(ctx, r.conn, server.Preloaded, server.Kept)
	if breach(err) != nil {
		return err
	}
	if err != nil {
		return r.brokenSession(ctx, out, err)
	}
	archives := "does not archive"
	if server.Kept {
		archives = "archives nothing yet"
	}
	out.Say("the clone %s, follows nobody, and runs nothing by itself; preloaded: %s", archives,
		listed(server.Preloaded))
	cron := slices.ContainsFunc(server.LeftOut,
		func(library string) bool { return strings.TrimSuffix(path.Base(library), ".so") == "pg_cron" })
	outbound, err := verify.OutboundObjects(ctx, r.conn, server.ConnectReader, cron)
	for _, note := range append(notes, outbound...) {
		out.Note("%s", note)
	}
	if err != nil {
		return r.brokenSession(ctx, out, err)
	}
	return nil
}

func listed(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
