package verify

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
)

// holdersQuery names the prepared transactions that keep others from reading, or from reading
// one relation or the table of an index (oid; 0 is any). Such a transaction has no process: its locks are
// listed under the transaction itself (manual, pg_prepared_xacts).
const holdersQuery = `SELECT pg_catalog.format('prepared transaction %L of role %I in database %I, of %s, holds %s', ` +
	`p.gid, p.owner, p.database, pg_catalog.to_char(p.prepared AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
		pg_catalog.string_agg(DISTINCT coalesce(c.oid::regclass::text, 'a lock of type ' || l.locktype), ', '))
	FROM pg_catalog.pg_prepared_xacts p
	JOIN pg_catalog.pg_locks l ON l.virtualtransaction = '-1/' || p.transaction AND l.granted
		AND (l.mode = 'AccessExclusiveLock' OR l.locktype = 'advisory' OR $1 <> 0 AND l.locktype = 'relation')
	LEFT JOIN pg_catalog.pg_class c ON l.locktype = 'relation' AND c.oid = l.relation
		AND c.relkind IN ('r', 'p', 'm', 'S', 'v', 'f')
	WHERE (p.database = pg_catalog.current_database())
		AND ($1 = 0 OR l.relation = $1 OR l.relation = (SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = $1))
		AND (l.locktype <> 'relation' OR c.oid IS NOT NULL) AND l.locktype NOT IN ('transactionid', 'virtualxid')
	GROUP BY p.gid, p.owner, p.database, p.prepared ORDER BY p.prepared LIMIT 4`

// heldTables are the relations of a database that a prepared transaction keeps everybody from; those that all databases
// share are of database 0.
const heldTables = `SELECT l.relation FROM pg_catalog.pg_locks l WHERE l.locktype = 'relation' AND l.pid IS NULL
	AND l.mode = 'AccessExclusiveLock'
	AND l.database IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))`

// lockHolders says, after a lock did not come in time, who holds it, and what to do. It serves
// a sentence that is said anyway: what goes wrong here is not reported.
func lockHolders(ctx context.Context, conn *pgx.Conn, relation uint32) string {
	holders, err := texts(ctx, conn, holdersQuery, int64(relation))
	if err != nil || len(holders) == 0 {
		return ""
	}
	const most = 3
	if len(holders) > most {
		holders = append(holders[:most], "and more")
	}
	return ": " + strings.Join(holders, "; ") +
		". It was never decided, and is in every restore: COMMIT PREPARED or ROLLBACK PREPARED it on production"
}
