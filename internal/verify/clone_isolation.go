package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
)

// isolatingSettings keep a clone from archiving (facts A7), from following another cluster, and
// from being reached.
var isolatingSettings = map[string]string{
	"archive_mode": "off", "archive_command": "", "archive_library": "",
	"primary_conninfo": "", "primary_slot_name": "",
	"synchronous_standby_names": "", "listen_addresses": "", "max_logical_replication_workers": "0",
}

// Libraries are those that a clone begins with. Assumed ones are named by nothing that was restored.
type Libraries struct {
	Preload []string
	Assumed bool
}

// own says whether a kind of process may be one of theirs. Of libraries that production named nobody knows what theirs
// are called; those that are assumed are known, and call their processes after themselves.
func (l Libraries) own(kind string) bool {
	return slices.ContainsFunc(l.Preload, func(library string) bool {
		return !l.Assumed || strings.HasPrefix(strings.ToLower(kind), library)
	})
}

// CloneIsolated asserts by SQL that the cluster cannot reach production: it does not archive, follows no other
// cluster, has loaded the libraries that were chosen and no other, and runs nothing by itself. The reason of a failure
// is isolation_breached. notes are the workers of the libraries that were chosen. A cluster that is kept collects what
// it will archive, and its archiver has nothing to call.
func CloneIsolated(ctx context.Context, conn *pgx.Conn, chosen Libraries, kept bool) (notes []string, err error) {
	// Not by SHOW: it says of archive_command only whether it is in use.
	settings, err := textPairs(ctx, conn,
		"SELECT name, coalesce(reset_val, '') FROM pg_catalog.pg_settings ORDER BY name")
	if err != nil {
		return nil, err
	}
	for _, setting := range settings {
		want, known := isolatingSettings[setting[0]]
		if kept && setting[0] == "archive_mode" {
			continue
		}
		if setting[0] == "shared_preload_libraries" {
			want, known = strings.Join(chosen.Preload, ","), true
		}
		if got := setting[1]; known && got != want {
			return nil, reason.Errorf(reason.IsolationBreached, "%s is %q in the restored cluster, not %q", setting[0],
				got, want)
		}
	}
	return checkProcesses(ctx, conn, chosen, kept)
}

// localProcesses are those that work on the cluster's own files and for its own sessions
// alone, the ones of later versions included.
var localProcesses = []string{
	"client backend", "parallel worker", "checkpointer", "background writer", "walwriter", "walsummarizer",
	"io worker", "startup",
	"autovacuum launcher", "autovacuum worker", // with autovacuum off there may be one against wraparound
}

// outboundProcesses are those, by the beginning of their name, that move data to or from other
// clusters, or run what is in the data, whichever library they come from.
var outboundProcesses = []string{
	"archiver", "walreceiver", "walsender", "logical replication", "slotsync", "pg_cron", "pglogical", "pg_net",
	"spock", "bdr", "pgactive", "pg_failover_slots", "pg_partman", "squeeze worker",
	"TimescaleDB Background Worker Scheduler",
}

// checkProcesses looks at every process that pg_stat_activity lists: others can run nothing
// that is in the data.
func checkProcesses(
	ctx context.Context, conn *pgx.Conn, chosen Libraries, kept bool,
) (notes []string, err error) {
	running, err := textPairs(ctx, conn,
		"SELECT DISTINCT coalesce(backend_type, '?'), '' FROM pg_catalog.pg_stat_activity ORDER BY 1")
	for _, process := range running {
		if kept && process[0] == "archiver" {
			continue
		}
		note, finding := judgeProcess(process[0], chosen)
		if finding != nil {
			return nil, finding
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	return notes, err
}

// judgeProcess judges one kind of process. What is not PostgreSQL's own belongs to a library,
// and only the libraries that were chosen may have one.
func judgeProcess(kind string, chosen Libraries) (note string, err error) {
	outbound := slices.ContainsFunc(outboundProcesses,
		func(prefix string) bool { return strings.HasPrefix(kind, prefix) })
	switch own := slices.Contains(localProcesses, kind); {
	case outbound || !own && !chosen.own(kind):
		return "", reason.Errorf(reason.IsolationBreached,
			"a process %q runs in the restored cluster: it may reach production, or do what is in the data", kind)
	case !own:
		return fmt.Sprintf("a process %q of a preloaded library runs in the sandbox", kind), nil
	}
	return "", nil
}

// textPairs are the rows of a query of two texts.
func textPairs(ctx context.Context, conn *pgx.Conn, query string) ([][2]string, error) {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (pair [2]string, err error) {
		return pair, row.Scan(&pair[0], &pair[1])
	})
}
