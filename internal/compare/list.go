package compare

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Parameters fix what the text of a value depends on, and keep a session from changing anything, from waiting for
// ever, and from being filtered: a role that row-level security would hide rows from gets an error.
var Parameters = map[string]string{
	"application_name": "veza-compare", "search_path": "pg_catalog", "role": "none",
	"DateStyle": "ISO, YMD", "TimeZone": "UTC", "IntervalStyle": "postgres", "extra_float_digits": "1",
	"bytea_output": "hex", "xmlbinary": "base64", "lc_monetary": "C",
	"default_transaction_isolation": "repeatable read", "default_transaction_read_only": "on", "row_security": "off",
	"standard_conforming_strings": "on",
	"statement_timeout":           "0", "lock_timeout": "2s", "idle_in_transaction_session_timeout": "0",
	"idle_session_timeout": "0", "client_connection_check_interval": "0", "local_preload_libraries": "",
	// An index may be damaged, and is no row; an expression of the data in a constraint is not for the planner.
	"enable_indexscan": "off", "enable_indexonlyscan": "off", "enable_bitmapscan": "off", "enable_tidscan": "on",
	"constraint_exclusion": "off", "jit": "off", "max_parallel_workers_per_gather": "0",
}

// asStored has names and values come as the database stores them: nothing is converted.
const asStored = "SELECT pg_catalog.set_config('client_encoding', pg_catalog.getdatabaseencoding(), false)"

// Prepare makes a session, connected with Parameters, ready to be asked.
func Prepare(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, asStored)
	return err
}

// Databases lists the databases that can be asked, and those that take no connections.
func Databases(ctx context.Context, conn *pgx.Conn) (open []string, closed []LeftOut, err error) {
	rows, err := conn.Query(ctx, `SELECT datname::text, datallowconn AND datconnlimit <> -2
		FROM pg_catalog.pg_database ORDER BY datname`)
	if err != nil {
		return nil, nil, err
	}
	var name string
	var takes bool
	_, err = pgx.ForEachRow(rows, []any{&name, &takes}, func() error {
		if takes {
			open = append(open, name)
		} else {
			closed = append(closed, LeftOut{ID: ID{Database: name}, Why: "it takes no connections"})
		}
		return nil
	})
	return open, closed, err
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

// columnsQuery lists the columns of these, each with how it is compared: see How. looked are the types that look up
// names in the catalogs, and unstable all types with one of them inside. Virtual columns hold nothing, and asking for
// them would run what they are made by.
const columnsQuery = `WITH RECURSIVE
	looked(oid, how) AS (
		SELECT oid, CASE WHEN typtype = 'e' THEN 'label' WHEN typname = 'aclitem' THEN 'right' ELSE 'number' END
		FROM pg_catalog.pg_type WHERE typtype = 'e' OR typnamespace = 'pg_catalog'::pg_catalog.regnamespace
		AND (typname = 'aclitem' OR typname ~ '^reg[a-z]+$')),
	inside(part, whole) AS (
		SELECT typelem, oid FROM pg_catalog.pg_type WHERE typelem <> 0
		UNION ALL SELECT typbasetype, oid FROM pg_catalog.pg_type WHERE typtype = 'd'
		UNION ALL SELECT a.atttypid, c.reltype FROM pg_catalog.pg_attribute a
			JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.reltype <> 0
			WHERE a.attnum > 0 AND NOT a.attisdropped
		UNION ALL SELECT rngsubtype, rngtypid FROM pg_catalog.pg_range
		UNION ALL SELECT rngtypid, rngmultitypid FROM pg_catalog.pg_range),
	unstable(oid) AS (SELECT oid FROM looked UNION SELECT i.whole FROM inside i JOIN unstable u ON u.oid = i.part),
	base(oid, typ) AS (
		SELECT oid, oid FROM pg_catalog.pg_type WHERE typtype <> 'd'
		UNION ALL SELECT t.oid, b.typ FROM pg_catalog.pg_type t JOIN base b ON b.oid = t.typbasetype
			WHERE t.typtype = 'd')
	SELECT a.attrelid, pg_catalog.quote_ident(a.attname), CASE
		WHEN a.attrelid = 'pg_catalog.pg_class'::pg_catalog.regclass AND a.attname IN ('relpages', 'reltuples',
			'relallvisible', 'relallfrozen', 'relfrozenxid', 'relminmxid', 'relhasindex', 'relhasrules',
			'relhastriggers') THEN 'in_place'
		WHEN a.attrelid = 'pg_catalog.pg_database'::pg_catalog.regclass AND a.attname IN ('datfrozenxid', 'datminmxid',
			'dathasloginevt', 'datconnlimit') THEN 'in_place'
		WHEN u.oid IS NULL AND b.typ = 'pg_catalog.bytea'::pg_catalog.regtype THEN 'bytes'
		WHEN u.oid IS NULL THEN 'text'
		WHEN l.how IS NOT NULL THEN l.how
		WHEN e.how IS NOT NULL AND t.typcategory = 'A' THEN e.how || 's'
		ELSE 'nested' END,
	a.atttypid, a.attnum
	FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
		AND c.relkind IN ('r', 'm') AND c.relpersistence = 'p'
	LEFT JOIN base b ON b.oid = a.atttypid LEFT JOIN pg_catalog.pg_type t ON t.oid = b.typ
	LEFT JOIN unstable u ON u.oid = a.atttypid
	LEFT JOIN looked l ON l.oid = b.typ LEFT JOIN looked e ON e.oid = t.typelem
	WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v' ORDER BY a.attrelid, a.attnum`

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
	var c Column
	_, err = pgx.ForEachRow(rows, []any{&table, &c.Name, &c.How, &typ, &number}, func() error {
		id, listed := byOID[table]
		if !listed {
			return nil
		}
		of := objects[id]
		of.Columns = append(of.Columns, c)
		of.Shape += fmt.Sprintf(" %d %s %d", number, c.Name, typ)
		objects[id] = of
		return nil
	})
	for id, of := range objects {
		of.Shape = fmt.Sprintf("%s %d%s", of.Name, of.File, of.Shape)
		objects[id] = of
	}
	return objects, err
}

// sequenceNames lists the permanent sequences of a database, with their increments.
const sequenceNames = `SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), s.seqincrement
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid
	WHERE c.relkind = 'S' AND c.relpersistence = 'p' ORDER BY c.oid`

// SequenceNames lists the permanent sequences of the database of a session: what they go on with is not known yet.
func SequenceNames(ctx context.Context, conn *pgx.Conn) (map[ID]Sequence, error) {
	rows, err := conn.Query(ctx, sequenceNames)
	if err != nil {
		return nil, err
	}
	list := map[ID]Sequence{}
	var s Sequence
	id := ID{Database: conn.Config().Database}
	_, err = pgx.ForEachRow(rows, []any{&id.OID, &s.Name, &s.Every}, func() error {
		list[id] = s
		return nil
	})
	return list, err
}

// atOnce is how many sequences one statement reads.
const atOnce = 500

// SequenceQueries are statements that read many sequences at once: oid, last_value, log_cnt, is_called.
func SequenceQueries(sequences map[ID]Sequence) (queries []string) {
	var arms []string
	for id, s := range sequences {
		arms = append(arms, fmt.Sprintf("SELECT %d::pg_catalog.oid, last_value, log_cnt, is_called FROM %s",
			id.OID, s.Name))
		if len(arms) == atOnce {
			queries, arms = append(queries, strings.Join(arms, " UNION ALL ")), nil
		}
	}
	if len(arms) > 0 {
		queries = append(queries, strings.Join(arms, " UNION ALL "))
	}
	return queries
}

// ReadSequences reads what sequences go on with, by SequenceQueries, into the list. On a standby that replays, a
// sequence is that of now, whatever the snapshot is: it must stand still.
func ReadSequences(ctx context.Context, conn *pgx.Conn, queries []string, list map[ID]Sequence) error {
	id := ID{Database: conn.Config().Database}
	for _, query := range queries {
		rows, err := conn.Query(ctx, query)
		if err != nil {
			return err
		}
		var s Sequence
		if _, err = pgx.ForEachRow(rows, []any{&id.OID, &s.Last, &s.Log, &s.Called}, func() error {
			s.Name, s.Every = list[id].Name, list[id].Every
			list[id] = s
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
