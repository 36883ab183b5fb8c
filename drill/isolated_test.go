package drill

import (
	"context"
	"path"
	"slices"
	"strings"

	"veza.fr/recovery/internal/verify"
)

// isolated proves, inside the database, that the clone is cut off, and names what is in the
// data that would reach out elsewhere.
func (d *drill) isolated(ctx context.Context) error {
	notes, err := verify.Isolated(ctx, d.conn, d.server.Preloaded)
	if breach(err) != nil {
		return err
	}
	if err != nil {
		return d.brokenSession(ctx, err)
	}
	d.say("the clone does not archive, follows nobody, and runs nothing by itself; preloaded: %s", listed(d.server.Preloaded))
	cron := slices.ContainsFunc(d.server.LeftOut, func(library string) bool { return strings.TrimSuffix(path.Base(library), ".so") == "pg_cron" })
	dormant, err := verify.Dormant(ctx, d.conn, d.server.Connect, cron)
	for _, note := range append(notes, dormant...) {
		d.note("%s", note)
	}
	if err != nil {
		return d.brokenSession(ctx, err)
	}
	return nil
}

func listed(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
