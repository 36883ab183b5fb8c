package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/reason"
)

// lostCatalogRows finds rows of the catalogs that others name and that are gone: a table without its row in pg_class is
// in no list, and no query fails. Each rule is one that PostgreSQL itself keeps within one transaction (heap.c,
// index.c, tablecmds.c), so that no crash and no race breaks it; where races are known (schemas, owners, pg_depend),
// there is none.
const lostCatalogRows = `WITH gone AS (
		SELECT n.oid, string_agg(DISTINCT n.catalog, ', ' ORDER BY n.catalog) AS catalogs FROM (
			SELECT attrelid, 'pg_attribute' FROM pg_attribute UNION ALL
			SELECT typrelid, 'pg_type' FROM pg_type WHERE typrelid <> 0 UNION ALL
			SELECT indexrelid, 'pg_index' FROM pg_index UNION ALL SELECT indrelid, 'pg_index' FROM pg_index UNION ALL
			SELECT conrelid, 'pg_constraint' FROM pg_constraint WHERE conrelid <> 0 UNION ALL
			SELECT seqrelid, 'pg_sequence' FROM pg_sequence UNION ALL
			SELECT tgrelid, 'pg_trigger' FROM pg_trigger UNION ALL
			SELECT ev_class, 'pg_rewrite' FROM pg_rewrite
		) n(oid, catalog) WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = n.oid) GROUP BY 1
	)
	SELECT format('%s is named by %s, and not in pg_class: nobody finds it any more', coalesce((
			SELECT format('%I.%I', s.nspname, t.typname) FROM pg_type t JOIN pg_namespace s ON s.oid = t.typnamespace
			WHERE t.typrelid = g.oid LIMIT 1), 'relation ' || g.oid), g.catalogs)
	FROM gone g
	UNION ALL
	SELECT format('column %I of %s has a default, and pg_attrdef does not know which', a.attname, a.attrelid::regclass)
	FROM pg_attribute a WHERE a.atthasdef AND NOT a.attisdropped
		AND NOT EXISTS (SELECT FROM pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum)
	UNION ALL
	SELECT format('a constraint of %s is gone from pg_constraint, and its trigger %I is there', t.tgrelid::regclass,
		t.tgname)
	FROM pg_trigger t WHERE t.tgconstraint <> 0
		AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.oid = t.tgconstraint)
	UNION ALL
	SELECT format('the primary key of %s is gone from pg_constraint, and its index %s is there', x.indrelid::regclass,
		x.indexrelid::regclass)
	FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid
	WHERE x.indisprimary AND c.relkind <> 't' AND x.indrelid >= ` + firstUserOID + `
		AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = x.indexrelid)
	UNION ALL
	SELECT format('%s has %s CHECK constraints, and %s are in pg_constraint', c.oid::regclass, c.relchecks,
		coalesce(n.checks, 0))
	FROM pg_class c LEFT JOIN (SELECT conrelid, count(*) AS checks FROM pg_constraint WHERE contype = 'c' GROUP BY 1) n
		ON n.conrelid = c.oid
	WHERE c.relchecks <> coalesce(n.checks, 0) ORDER BY 1`

// lostSharedRows finds the same in the catalogs that all databases share: a database or a role that only pg_shdepend
// still knows. What belongs to the bootstrap superuser is not in there.
const lostSharedRows = `SELECT format('database with OID %s is named by %s, and not in pg_database: nobody finds it '
		'any more', n.oid, string_agg(DISTINCT n.catalog, ', ' ORDER BY n.catalog))
	FROM (
		SELECT dbid, 'pg_shdepend' FROM pg_shdepend WHERE dbid <> 0 UNION ALL
		SELECT objid, 'pg_shdepend' FROM pg_shdepend WHERE dbid = 0 AND classid = 'pg_database'::regclass UNION ALL
		SELECT setdatabase, 'pg_db_role_setting' FROM pg_db_role_setting WHERE setdatabase <> 0 UNION ALL
		SELECT subdbid, 'pg_subscription' FROM pg_subscription
	) n(oid, catalog) WHERE NOT EXISTS (SELECT FROM pg_database d WHERE d.oid = n.oid) GROUP BY n.oid
	UNION ALL
	SELECT DISTINCT format('role with OID %s owns what there is, by pg_shdepend, and is not in pg_authid: nobody can '
		'log in as it', s.refobjid)
	FROM pg_shdepend s WHERE s.refclassid = 'pg_authid'::regclass AND s.deptype = 'o'
		AND NOT EXISTS (SELECT FROM pg_authid a WHERE a.oid = s.refobjid)
	ORDER BY 1`

// catalogRows asks every database for what its catalogs have lost. No index is asked: what is broken there, amcheck
// finds. A catalog that a prepared transaction holds locked is passed over, with a note.
func (d Deep) catalogRows(ctx context.Context, databases []string) (found []Outcome, notes []string, err error) {
	for i, database := range databases {
		queries := map[string]string{"database " + database + ": ": lostCatalogRows}
		if i == 0 {
			queries[""] = lostSharedRows
		}
		for where, query := range queries {
			texts, err := d.lostOf(ctx, database, query)
			if answer, ok := errors.AsType[*pgconn.PgError](err); ok && answer.Code == lockNotAvailable {
				notes = append(notes, fmt.Sprintf("database %s: the catalogs could not be looked at: %s", database,
					excerpt(answer.Message)))
				continue
			}
			if err != nil {
				return found, notes, fmt.Errorf("database %s: %w", database, err)
			}
			for _, text := range texts {
				found = append(found, finding(reason.PageChecksum, where+text+"; "+lookElsewhere))
			}
		}
	}
	return found, notes, nil
}

func (d Deep) lostOf(ctx context.Context, database, query string) ([]string, error) {
	conn, err := d.writer(ctx, database)
	if err != nil {
		return nil, err
	}
	defer closeConn(ctx, conn)
	const tables = "SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off; " +
		"SET jit = off"
	if _, err = conn.Exec(ctx, tables); err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, query, pgx.QueryExecModeExec)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
