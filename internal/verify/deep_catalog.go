package verify

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/versions"
)

// catalogQuery asks the catalog of each database for what is wrong.
type catalogQuery struct {
	examined string // what stands in the catalog: "indexes"
	reason   reason.Reason
	// query returns rows of (bad bool, text): one that is bad is a finding, else a note.
	query string
	// also is asked with it by the versions that can.
	also string
	when versions.Difference
}

// firstUserOID is the first oid that is not the catalog's own (FirstNormalObjectId).
const firstUserOID = "16384"

// missingExtensions: a column of a type of an extension that is not installed here cannot
// be read here, nor an index with its operators be used. What only runs jobs or adds
// functions prevents nobody from reading the data.
var missingExtensions = catalogQuery{
	examined: "extensions", reason: reason.ToolMissing,
	query: `WITH missing AS (
		SELECT e.oid, e.extname, e.extversion FROM pg_catalog.pg_extension e
		WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_available_extensions a WHERE a.name = e.extname)
	), part AS (
		SELECT m.oid AS extension, d.classid, d.objid FROM missing m
			JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::regclass
			AND d.refobjid = m.oid AND d.deptype = 'e'
	), used AS (
		SELECT p.extension, a.attrelid AS relation FROM part p
			JOIN pg_catalog.pg_type t ON p.classid = 'pg_catalog.pg_type'::regclass AND p.objid IN (t.oid, t.typelem)
			JOIN pg_catalog.pg_attribute a ON a.atttypid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
			WHERE t.typtype = 'b'
		UNION SELECT p.extension, x.indexrelid FROM part p
			JOIN pg_catalog.pg_index x ON p.classid = 'pg_catalog.pg_opclass'::regclass AND p.objid = ANY (x.indclass)
		UNION SELECT p.extension, c.oid FROM part p
			JOIN pg_catalog.pg_class c ON p.classid = 'pg_catalog.pg_am'::regclass AND p.objid = c.relam
	), owned AS (
		SELECT u.extension, min(c.oid::regclass::text) AS example
		FROM used u JOIN pg_catalog.pg_class c ON c.oid = u.relation
		WHERE c.relkind IN ('r', 'm', 'p', 'i') AND c.relpersistence <> 't'
			AND NOT EXISTS (SELECT FROM part p WHERE p.objid = c.oid AND p.extension = u.extension)
		GROUP BY 1
	)
	SELECT o.example IS NOT NULL, format('extension %I %s is not installed here%s', m.extname, m.extversion,
		coalesce(', and ' || o.example || ' cannot be read without it: '
			'install its package in the sandbox (another -image has it), then run again', '; no table needs it'))
	FROM missing m LEFT JOIN owned o ON o.extension = m.oid ORDER BY 1 DESC, 2`,
}

// catalogCheck is the deeper check that asks every database one question.
func catalogCheck(q catalogQuery) func(Deep, context.Context, survey) (examination, error) {
	return func(d Deep, ctx context.Context, s survey) (e examination, err error) {
		query := q.query
		if q.also != "" && q.when.In(s.version) {
			query += "\n" + q.also
		}
		for _, database := range s.databases {
			if err := d.askCatalog(ctx, database, query, q.reason, &e); err != nil {
				return e, fmt.Errorf("database %s: %w", database, err)
			}
		}
		e.notes = shortened(e.notes)
		e.examined = fmt.Sprintf("%s of %d databases", q.examined, len(s.databases))
		return e, nil
	}
}

// askCatalog asks one database, and adds what it answers.
func (d Deep) askCatalog(ctx context.Context, database, query string, why reason.Reason, e *examination) error {
	conn, err := d.Connect.open(ctx, database)
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	if _, err = conn.Exec(ctx, "SET jit = off"); err != nil { // it takes longer than the query
		return err
	}
	rows, err := conn.Query(ctx, query, pgx.QueryExecModeExec)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var bad bool
		var text string
		if err := rows.Scan(&bad, &text); err != nil {
			return err
		}
		text = "database " + database + ": " + text
		if bad {
			e.findings = append(e.findings, finding(why, text))
		} else {
			e.notes = append(e.notes, text)
		}
	}
	return rows.Err()
}
