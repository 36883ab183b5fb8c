package drill

import (
	"context"
	"fmt"
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
	chosen := verify.Libraries{Preload: server.Preloaded, Assumed: server.Assumed}
	notes, err := verify.CloneIsolated(ctx, r.conn, chosen, server.Kept)
	if breach(err) != nil {
		return err
	}
	if err != nil {
		return r.brokenSession(ctx, out, err)
	}
	out.Say("%s", isolated(server.Kept, server.Preloaded, len(notes) > 0))
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

// isolated says what was proved; workers says that processes of libraries run in the clone, which are named beside it.
func isolated(kept bool, preloaded []string, workers bool) string {
	archives, alone := "does not archive", ", and runs nothing by itself"
	if kept {
		archives = "archives nothing yet"
	}
	if workers {
		alone = ""
	}
	return fmt.Sprintf("the clone %s, follows nobody%s; preloaded: %s", archives, alone, listed(preloaded))
}

func listed(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
