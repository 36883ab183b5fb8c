package drill

import (
	"context"
	"encoding/json"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
)

// role is what pg_auto_failover calls the node; "" where it does not know it, or cannot be asked.
func (r *nodeRestore) role(ctx context.Context, found ready) string {
	if r.place.Formation.State == "" {
		return ""
	}
	return r.roleOf(ctx, found, r.place.Dir)
}

// roleOf is what pg_auto_failover calls the node of a data directory; "" where it cannot be asked.
func (r *nodeRestore) roleOf(ctx context.Context, found ready, dir string) string {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	said, err := found.Control.Run(ctx, host.Command{
		Argv: []string{"pg_autoctl", "show", "file", "--pgdata", dir, "--state", "--json", "--contents"},
		Env:  []string{"HOME=" + r.home},
	})
	var state struct {
		Role string `json:"current_role"`
	}
	if err != nil || json.Unmarshal(said.Stdout, &state) != nil {
		return ""
	}
	return pgbackrest.Printable(state.Role)
}

// mostBeside bounds how many other nodes are named; a machine has one, or two.
const mostBeside = 5

// nodesBeside are the other nodes of pg_auto_failover on this machine, a sentence each. A node is a data directory:
// they keep nobody from restoring into another one, and whoever starts that one must know of them.
func (r *nodeRestore) nodesBeside(ctx context.Context, found ready) (list []string) {
	others := r.place.Formation.Others
	for _, dir := range others[:min(len(others), mostBeside)] {
		said := "pg_auto_failover has a node on this machine in " + pgbackrest.Printable(dir)
		if role := r.roleOf(ctx, found, dir); role != "" {
			said += ", as " + role
		}
		list = append(list, said)
	}
	return list
}
