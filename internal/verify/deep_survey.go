package verify

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
)

// relation is one thing with pages: a table, a materialized view, an index, a TOAST table.
type relation struct {
	database string
	oid      uint32
	name     string // quoted, with its schema
	kind     string // pg_class.relkind
	method   string // access method: heap, btree
	// generated are the stored columns, quoted, that COPY leaves out of a table; all of a materialized view's.
	generated string
	file      string // below the data directory
	size      int64
	valid     bool   // of an index: valid and ready
	table     uint32 // of an index: its table
	unique    bool   // of an index
	nullsMeet bool   // of a unique index: NULL is like NULL (NULLS NOT DISTINCT)
	unlogged  bool   // emptied by every restore, and not in the files before the server stops
}

// survey is what there is to check.
type survey struct {
	version   string // such as 17.12
	sessions  int    // max_connections
	databases []string
	relations []relation
	notes     []string  // databases that nobody looks into
	closed    []Outcome // the same, for the check that says what is missing on this machine
	refused   []Outcome // those that refused the drill's own session, for the first check that is made
	// doubtful says of unique indexes that were read already, by tableKey, whether a key may stand
	// there twice: lost_rows reads them all, and unique_keys need not do so again.
	doubtful *sync.Map
}

// relationsQuery takes no lock, as pg_relation_size would: a prepared transaction may hold any for ever. The
// size is that of the files there are up to the gigabyte behind the last one that pg_class remembers.
const relationsQuery = `SELECT c.oid, format('%I.%I', n.nspname, c.relname), c.relkind::text,
	coalesce(a.amname::text, ''),
	coalesce((SELECT string_agg(quote_ident(t.attname), ', ' ORDER BY t.attnum) FROM pg_catalog.pg_attribute t
	  WHERE t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped 
	    AND (c.relkind = 'r' AND t.attgenerated = 's' OR c.relkind = 'm')), ''),
	coalesce(pg_catalog.pg_relation_filepath(c.oid), ''),
	-- the size of what a prepared transaction has locked would be waited for
	CASE WHEN c.oid IN (` + heldTables + `)
	THEN c.relpages::bigint * current_setting('block_size')::int
	ELSE coalesce(pg_catalog.pg_relation_size(c.oid), 0) END,
	coalesce(i.indisvalid AND i.indisready, true), coalesce(i.indrelid, 0), coalesce(i.indisunique, false),
	coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false), c.relpersistence = 'u'
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam
	LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
	WHERE c.relkind IN ('r', 'm', 'i', 't') AND c.relpersistence <> 't' AND (c.relkind <> 'm' OR c.relispopulated)`

// survey lists the databases that can be opened and everything in them that has pages.
func (d Deep) survey(ctx context.Context) (s survey, err error) {
	s.doubtful = &sync.Map{}
	names, err := Databases(ctx, d.Connect)
	if err != nil {
		return s, err
	}
	closed, err := listDatabases(ctx, d.Connect, closedDatabases)
	if err != nil {
		return s, err
	}
	for _, database := range closed {
		s.notes = append(s.notes, fmt.Sprintf("database %s takes no connections: no check that has to enter it "+
			"looks at its tables, indexes and sequences; to have it checked, ALTER DATABASE ... ALLOW_CONNECTIONS "+
			"true in production", database))
	}
	for _, database := range names {
		found, held, err := d.relations(ctx, database, &s)
		if held != "" {
			s.notes = append(s.notes, fmt.Sprintf("database %s is left out of the deeper checks: %s", database, held))
			continue
		}
		if missing := postgres.MissingLocale(err); missing != nil {
			text := fmt.Sprintf("database %s is left out of the deeper checks: %s", database, missing)
			s.notes = append(s.notes, text)
			s.closed = append(s.closed, finding(reason.ToolMissing, text))
			continue
		}
		if lost := entering(database, err); lost != nil {
			return s, lost
		}
		if answer, _ := errors.AsType[*pgconn.PgError](err); refusedOurs(err) && !saysDamage(answer) {
			s.refused = append(s.refused, finding(reason.SandboxFailed, fmt.Sprintf(
				"database %s is left out of the deeper checks: %s%s", database, notReady, excerpt(answer.Message))))
			continue
		}
		if err != nil {
			return s, fmt.Errorf("database %s: %w", database, err)
		}
		s.databases = append(s.databases, database)
		s.relations = append(s.relations, found...)
	}
	return s, nil
}

// relations lists what has pages in one database; held is which lock keeps everybody from that: from version 18 on
// that of pg_constraint does.
func (d Deep) relations(ctx context.Context, database string, s *survey) (list []relation, held string, err error) {
	conn, err := d.Connect.open(ctx, database)
	if err != nil {
		return nil, "", err
	}
	defer closeConn(ctx, conn)
	if err = postgres.AsStored(ctx, conn); err != nil { // names are for sessions that take them so: see writer
		return nil, "", err
	}
	const limits = `SELECT format('%s.%s', v / 10000, v % 10000), current_setting('max_connections')::int
		FROM (SELECT current_setting('server_version_num')::int) n(v)`
	if err = conn.QueryRow(ctx, limits).Scan(&s.version, &s.sessions); err != nil {
		return nil, "", err
	}
	rows, err := conn.Query(ctx, relationsQuery)
	if err != nil {
		held, err = heldCatalog(ctx, conn, err)
		return nil, held, err
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r relation, err error) {
		r.database = database
		return r, row.Scan(&r.oid, &r.name, &r.kind, &r.method, &r.generated, &r.file, &r.size, &r.valid,
			&r.table, &r.unique, &r.nullsMeet, &r.unlogged)
	})
	held, err = heldCatalog(ctx, conn, err)
	return list, held, err
}

// workers are as many as are wanted, and leave half of the sessions the cluster allows: a
// machine may have more cores than the primary had connections.
func (s survey) workers(wanted int) int { return max(1, min(wanted, s.sessions/2)) }

// of picks relations, each database's largest first: so that no worker is left alone
// with the largest at the end.
func (s survey) of(wanted func(relation) bool) []relation {
	var list []relation
	for _, r := range s.relations {
		if wanted(r) {
			list = append(list, r)
		}
	}
	sort.SliceStable(list, func(i, j int) bool {
		if list[i].database != list[j].database {
			return list[i].database < list[j].database
		}
		return list[i].size > list[j].size
	})
	return list
}

// owner names what a file belongs to.
func (s survey) owner(file string) string {
	for _, r := range s.relations {
		if r.file == file {
			return r.title()
		}
	}
	return ""
}

// title names a relation in a sentence.
func (r relation) title() string {
	return fmt.Sprintf("%s %s in database %s", kinds[r.kind], r.name, r.database)
}

// kinds are the words for pg_class.relkind.
var kinds = map[string]string{
	"r": "table", "m": "materialized view", "i": "index", "t": "TOAST table", "S": "sequence",
}
