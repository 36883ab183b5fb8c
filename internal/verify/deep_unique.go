package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/postgres/page"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/versions"
)

// uniqueKeys looks for two rows of one key in every unique index. Its pages tell first whether any key
// stands there twice, by its bytes; old versions of rows have entries too, so that only the server can
// say whether both are rows. It is asked only then, and where equal keys may have different bytes.
func (d Deep) uniqueKeys(ctx context.Context, s survey) (examination, error) {
	indexes := s.of(func(r relation) bool {
		return r.kind == "i" && r.method == "btree" && r.unique && r.valid && !r.unlogged
	})
	if len(indexes) == 0 {
		return examination{leftOut: "there is no unique index"}, nil
	}
	segment, err := d.readablePages(ctx, indexes[0].database)
	if err != nil || segment == 0 {
		return examination{leftOut: otherPages}, err
	}
	byAmcheck := versions.AmcheckUnique.In(s.version) && slices.Contains(d.asked, "amcheck")
	examine := func(ctx context.Context, conn *pgx.Conn, r relation) ([]Outcome, string, error) {
		doubtful, known := s.doubtful.Load(tableKey{r.database, r.oid})
		if !known {
			keys := page.Keys{NullsDiffer: !r.nullsMeet}
			if unread := (forkReader{conn, segment, s.doubtful}).readFile(ctx, r.file, keys.Add); unread != nil {
				return nil, "", unread
			}
			doubtful = keys.Doubtful()
		}
		if doubtful == false {
			return nil, "", nil
		}
		return twiceInTable(ctx, conn, r, byAmcheck)
	}
	e, err := d.forEachRelation(ctx, s.workers(d.Workers), "unique indexes", indexes, examine)
	if err == nil {
		err = d.noteExclusions(ctx, s, &e)
	}
	return e, err
}

// uniqueQuery is what it takes to ask the table of a unique index ($1) for two rows of one key by
// operators that are PostgreSQL's own; NULL of what would take others.
const uniqueQuery = `SELECT
	(SELECT CASE WHEN bool_and(own) THEN array_agg(name ORDER BY n) END FROM (
		SELECT k.n, quote_ident(a.attname) AS name, coalesce(o.opcdefault AND o.oid < ` + firstUserOID + ` AND (
			t.oid < ` + firstUserOID + ` OR t.typtype = 'e' OR t.typtype = 'd' AND t.typbasetype < ` + firstUserOID + `)
			AND (i.indcollation[k.n] = a.attcollation OR NOT EXISTS (SELECT FROM pg_collation l
				WHERE l.oid IN (i.indcollation[k.n], a.attcollation) AND NOT l.collisdeterministic)), false) AS own
		FROM generate_series(0, i.indnkeyatts - 1) AS k(n)
		LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n] AND a.attnum <> 0
		LEFT JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_opclass o ON o.oid = i.indclass[k.n]) q),
	coalesce(pg_get_expr(i.indpred, i.indrelid), 'true'), format('%I.%I', n.nspname, c.relname), i.indrelid
	FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE i.indexrelid = $1`

// twiceInTable asks the table for two rows of one key, unless that would run what the data brings. byAmcheck says that
// amcheck asks of such an index.
func twiceInTable(ctx context.Context, conn *pgx.Conn, index relation, byAmcheck bool) ([]Outcome, string, error) {
	var columns []string
	var where, table string
	var oid uint32
	err := conn.QueryRow(ctx, uniqueQuery, index.oid).Scan(&columns, &where, &table, &oid)
	if err != nil {
		answer, fatal := serverError(ctx, conn, err)
		if fatal != nil || saysDamage(answer) {
			return nil, "", err
		}
		found, note := notLookedAt(index, answer)
		return found, note, nil
	}
	foreign, err := callsForeignCode(ctx, conn, oid)
	if err != nil {
		answer, fatal := serverError(ctx, conn, err)
		if fatal != nil || answer.Code != lockNotAvailable {
			return nil, "", err
		}
		found, note := notLookedAt(index, answer)
		return found, note, nil
	}
	switch {
	case columns != nil && !foreign:
	case byAmcheck: // with the index's own operators, as the table's owner
		return nil, "", nil
	default:
		return nil, index.title() + " was not asked for two rows of one key: that would take functions or operators " +
			"of the data", nil
	}
	if where = "(" + where + ")"; !index.nullsMeet {
		for _, column := range columns {
			where += " AND " + column + " IS NOT NULL"
		}
	}
	list := strings.Join(columns, ", ")
	var twice bool
	// In the order of the index: no sort needs the disk of the sandbox.
	err = asReader(ctx, conn, oid, func(tx pgx.Tx) error {
		query := fmt.Sprintf("SELECT EXISTS (SELECT FROM ONLY %s WHERE %s GROUP BY %s HAVING count(*) > 1)", table,
			where, list)
		return tx.QueryRow(ctx, query).Scan(&twice)
	})
	switch answer, fatal := serverError(ctx, conn, err); {
	case err == nil && !twice:
		return nil, "", nil
	case err == nil:
		return []Outcome{
			finding(reason.IndexCorrupt, fmt.Sprintf("%s is unique, and table %s has two rows of one key (%s): "+
				"which of them is right, only production can say; then REINDEX it", index.title(), table, list)),
		}, "", nil
	case fatal != nil:
		return nil, "", fatal
	case saysDamage(answer):
		return []Outcome{relationFinding(index, answer, deepCodeReason(answer), "")}, "", nil
	default:
		found, note := notLookedAt(index, answer)
		return found, note, nil
	}
}

// asReader asks something of a table in a transaction that may read all tables, and nothing else. Where
// policies say who sees which rows, that role would be refused: there it is only sure that nothing
// of the data's own is called.
func asReader(ctx context.Context, conn *pgx.Conn, table uint32, ask func(pgx.Tx) error) error {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	if _, err = tx.Exec(ctx, "SET LOCAL enable_sort = off; SET LOCAL enable_hashagg = off; SET LOCAL jit = off; "+
		"SET LOCAL max_parallel_workers_per_gather = 0"); err != nil {
		return err
	}
	if _, err = tx.Exec(ctx, "SELECT set_config('role', CASE WHEN relrowsecurity THEN 'none' "+
		"ELSE 'pg_read_all_data' END, true) FROM pg_class WHERE oid = $1", table); err != nil {
		return err
	}
	return ask(tx)
}

// callsForeignCode says whether planning a query on a table would run functions of the data: those
// in the expressions and predicates of its indexes and of its statistics.
func callsForeignCode(ctx context.Context, conn *pgx.Conn, table uint32) (foreign bool, err error) {
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_index i JOIN pg_depend d ON d.classid = 'pg_class'::regclass
		AND d.objid = i.indexrelid AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
		AND d.refobjid::bigint >= `+firstUserOID+`
		WHERE i.indrelid = $1 AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))
		OR EXISTS (SELECT FROM pg_statistic_ext s JOIN pg_depend d ON d.classid = 'pg_statistic_ext'::regclass
		AND d.objid = s.oid AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
		AND d.refobjid::bigint >= `+firstUserOID+` WHERE s.stxrelid = $1)`, table).Scan(&foreign)
	return foreign, err
}

// noteExclusions says what no check asks: whether rows exclude each other as they should. A key WITHOUT OVERLAPS (18)
// is such a constraint, behind a GiST index; a foreign key that has conperiod, too, is none.
func (d Deep) noteExclusions(ctx context.Context, s survey, e *examination) error {
	for _, database := range s.databases {
		note, err := d.exclusionsOf(ctx, database)
		if err != nil {
			return err
		}
		if note != "" {
			e.notes = append(e.notes, "database "+database+": "+note)
		}
	}
	return nil
}

func (d Deep) exclusionsOf(ctx context.Context, database string) (note string, err error) {
	conn, err := d.writer(ctx, database)
	if err != nil {
		return "", err
	}
	defer closeConn(ctx, conn)
	var count int
	var one *string
	err = conn.QueryRow(ctx, `SELECT count(*), min(conrelid::regclass::text || ' ' || quote_ident(conname))
		FROM pg_constraint c WHERE contype = 'x'
			OR contype IN ('p', 'u') AND (to_jsonb(c) ->> 'conperiod')::boolean`).Scan(&count, &one)
	held, err := heldCatalog(ctx, conn, err)
	switch {
	case held != "":
		return "exclusion constraints were not looked for: " + held, nil
	case err != nil || count == 0:
		return "", err
	}
	return fmt.Sprintf("%d exclusion constraints were not asked whether rows violate them, such as %s", count,
		*one), nil
}
