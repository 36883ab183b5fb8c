package compare

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/postgres"
)

// Parameters fix what the text of a value depends on, and keep a session from changing anything, from waiting for
// ever, and from being filtered: a role that row-level security would hide rows from gets an error.
var Parameters = map[string]string{
	"application_name": "veza-compare", "search_path": "pg_catalog", "role": "none",
	"DateStyle": "ISO, YMD", "TimeZone": "UTC", "IntervalStyle": "postgres", "extra_float_digits": "1",
	"bytea_output": "hex", "xmlbinary": "base64", "lc_monetary": "C",
	"default_transaction_isolation": "repeatable read", "default_transaction_read_only": "on", "row_security": "off",
	"standard_conforming_strings": "on", "quote_all_identifiers": "off",
	"statement_timeout": "0", "lock_timeout": "2s", "idle_in_transaction_session_timeout": "0",
	"idle_session_timeout": "0", "client_connection_check_interval": "0", "local_preload_libraries": "",
	// A session whose client was cut off holds a snapshot: the server ends it within a minute. On a socket of the
	// same machine these do nothing.
	"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3",
	// An index may be damaged, and is no row; an expression of the data in a constraint is not for the planner.
	"enable_indexscan": "off", "enable_indexonlyscan": "off", "enable_bitmapscan": "off", "enable_tidscan": "on",
	"constraint_exclusion": "off", "jit": "off", "max_parallel_workers_per_gather": "0",
}

// Prepare makes a session, connected with Parameters, ready to be asked: names and values come as the database stores
// them, and nothing is converted. What only some versions know cannot be a parameter: transaction_timeout, of
// PostgreSQL 17 and later, would end a snapshot, and the guard.
func Prepare(ctx context.Context, conn *pgx.Conn) error {
	if err := postgres.AsStored(ctx, conn); err != nil {
		return err
	}
	if postgres.Major(conn) < 17 { // a refusal would be a line in the log of production
		return nil
	}
	_, err := conn.Exec(ctx, "SET transaction_timeout = 0")
	return err
}

// databasesQuery lists the databases with their sizes in blocks, indexes included. What the role may not know is as
// small as can be; template0 and the like hold nothing of anybody's. One whose directory is gone has no size (NULL).
const databasesQuery = `SELECT datname::text, datallowconn AND datconnlimit <> -2,
	CASE WHEN datistemplate AND NOT datallowconn THEN 0
		WHEN pg_catalog.has_database_privilege(oid, 'CONNECT') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
		THEN coalesce(pg_catalog.pg_database_size(oid), 0) / pg_catalog.current_setting('block_size')::int ELSE 1 END
	FROM pg_catalog.pg_database ORDER BY datname`

// Databases lists the databases that can be asked, and those that take no connections; blocks is the size of each.
func Databases(ctx context.Context, conn *pgx.Conn) (
	open []string, closed []LeftOut, blocks map[string]int64, err error,
) {
	rows, err := conn.Query(ctx, databasesQuery)
	if err != nil {
		return nil, nil, nil, err
	}
	blocks = map[string]int64{}
	var name string
	var takes bool
	var size int64
	_, err = pgx.ForEachRow(rows, []any{&name, &takes, &size}, func() error {
		if blocks[name] = size; takes {
			open = append(open, name)
		} else {
			closed = append(closed, LeftOut{ID: ID{Database: name}, Why: "it takes no connections"})
		}
		return nil
	})
	return open, closed, blocks, err
}

// objectsQuery lists what holds rows; $1 is whether the catalogs that all databases share are among them. The size of
// what is locked as a whole would be waited for.
const objectsQuery = `SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind = 'm', c.relisshared,
	c.relfilenode, CASE WHEN c.oid IN (SELECT l.relation FROM pg_catalog.pg_locks l
		WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted)
	THEN c.relpages::bigint
	ELSE coalesce(pg_catalog.pg_relation_size(c.oid), 0) / pg_catalog.current_setting('block_size')::int END
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND (c.relkind <> 'm' OR c.relispopulated)
		AND ($1 OR NOT c.relisshared)`

// Objects lists what holds rows in the database of a session, by the snapshot of its transaction.
func Objects(ctx context.Context, conn *pgx.Conn, shared bool) (map[ID]Object, error) {
	database := conn.Config().Database
	objects := map[ID]Object{}
	byOID := map[uint32]ID{}
	rows, err := conn.Query(ctx, objectsQuery, shared)
	if err != nil {
		return nil, err
	}
	var o Object
	var everywhere bool
	if _, err = pgx.ForEachRow(rows, []any{&o.OID, &o.Name, &o.View, &everywhere, &o.File, &o.Blocks}, func() error {
		if o.Database = database; everywhere {
			o.Database = ""
		}
		objects[o.ID], byOID[o.OID] = o, o.ID
		return nil
	}); err != nil {
		return nil, err
	}
	if rows, err = conn.Query(ctx, columnsQuery); err != nil {
		return nil, err
	}
	var table, typ uint32
	var number int16
	var inside string
	var c Column
	_, err = pgx.ForEachRow(rows, []any{&table, &c.Name, &c.How, &typ, &number, &inside, &c.Enum}, func() error {
		id, listed := byOID[table]
		if !listed {
			return nil
		}
		of := objects[id]
		of.Columns = append(of.Columns, c)
		of.Shape += fmt.Sprintf(" %d %s %d%s", number, c.Name, typ, inside)
		objects[id] = of
		return nil
	})
	for id, of := range objects {
		of.Shape = fmt.Sprintf("%s %d%s", of.Name, of.File, of.Shape)
		objects[id] = of
	}
	return objects, err
}
