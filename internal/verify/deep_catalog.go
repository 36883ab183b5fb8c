package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

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
// be read here, whatever is made of that type: an array, a domain, a composite, a range. Nor can
// an index with its operators, or functions of it in C, be used. What only runs jobs or adds
// functions prevents nobody from reading the data: a default, a trigger or a view may need it.
var missingExtensions = catalogQuery{
	examined: "extensions", reason: reason.ToolMissing,
	query: `WITH RECURSIVE missing AS (
		SELECT e.oid, e.extname, e.extversion FROM pg_catalog.pg_extension e
		WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_available_extensions a WHERE a.name = e.extname)
	), part AS (
		SELECT m.oid AS extension, d.classid, d.objid FROM missing m
			JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::regclass
			AND d.refobjid = m.oid AND d.deptype = 'e'
	), made(of_type, typ) AS (
		SELECT typelem, oid FROM pg_catalog.pg_type WHERE typelem <> 0
		UNION ALL SELECT typbasetype, oid FROM pg_catalog.pg_type WHERE typbasetype <> 0
		UNION ALL SELECT rngsubtype, rngtypid FROM pg_catalog.pg_range
		UNION ALL SELECT refobjid, objid FROM pg_catalog.pg_depend WHERE deptype = 'i' -- a multirange
			AND classid = 'pg_catalog.pg_type'::regclass AND refclassid = 'pg_catalog.pg_type'::regclass
		UNION ALL SELECT a.atttypid, c.reltype FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a
			ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE c.reltype <> 0
	), types(extension, typ) AS (
		SELECT p.extension, t.oid FROM part p JOIN pg_catalog.pg_type t
			ON p.classid = 'pg_catalog.pg_type'::regclass AND p.objid = t.oid WHERE t.typtype = 'b'
		UNION SELECT t.extension, m.typ FROM types t JOIN made m ON m.of_type = t.typ
	), used AS (
		SELECT t.extension, a.attrelid AS relation FROM types t
			JOIN pg_catalog.pg_attribute a ON a.atttypid = t.typ AND a.attnum > 0 AND NOT a.attisdropped
		UNION SELECT p.extension, x.indexrelid FROM part p
			JOIN pg_catalog.pg_index x ON p.classid = 'pg_catalog.pg_opclass'::regclass AND p.objid = ANY (x.indclass)
		UNION SELECT p.extension, c.oid FROM part p
			JOIN pg_catalog.pg_class c ON p.classid = 'pg_catalog.pg_am'::regclass AND p.objid = c.relam
		UNION SELECT p.extension, d.objid FROM part p
			LEFT JOIN pg_catalog.pg_operator o ON p.classid = 'pg_catalog.pg_operator'::regclass AND p.objid = o.oid
			JOIN pg_catalog.pg_proc f ON f.prolang = 13 AND f.oid = CASE
				WHEN p.classid = 'pg_catalog.pg_proc'::regclass THEN p.objid ELSE o.oprcode::oid END
			JOIN pg_catalog.pg_depend d ON d.refclassid = p.classid AND d.refobjid = p.objid
				AND d.classid = 'pg_catalog.pg_class'::regclass
			JOIN pg_catalog.pg_index x ON x.indexrelid = d.objid
	), owned AS (
		SELECT u.extension, min(c.oid::regclass::text) AS example
		FROM used u JOIN pg_catalog.pg_class c ON c.oid = u.relation
		WHERE c.relkind IN ('r', 'm', 'p', 'i') AND c.relpersistence <> 't'
			AND NOT EXISTS (SELECT FROM part p WHERE p.objid = c.oid AND p.extension = u.extension)
		GROUP BY 1
	)
	SELECT o.example IS NOT NULL, format('extension %I %s is not installed here%s', m.extname, m.extversion,
		coalesce(', and ' || o.example || ' cannot be read without it: '
			'install its package in the sandbox (another -image has it), then run again',
			'; no column''s type and no index needs it'))
	FROM missing m LEFT JOIN owned o ON o.extension = m.oid ORDER BY 1 DESC, 2`,
}

// catalogCheck is the deeper check that asks every database one question.
func catalogCheck(q catalogQuery) func(Deep, context.Context, survey) (examination, error) {
	return func(d Deep, ctx context.Context, s survey) (e examination, err error) {
		query := q.query
		if q.also != "" && q.when.In(s.version) {
			query += "\n" + q.also
		}
		asked := 0
		var held []string
		for _, database := range s.databases {
			why, err := d.askCatalog(ctx, database, query, q.reason, &e)
			if err != nil {
				return e, fmt.Errorf("database %s: %w", database, err)
			}
			if why == "" {
				asked++
				continue
			}
			held = append(held, fmt.Sprintf("database %s: %s were not looked at: %s", database, q.examined, why))
		}
		if held = shortened(held); asked == 0 && len(held) > 0 {
			e.leftOut = strings.Join(held, "; ")
			return e, nil
		}
		e.notes = append(held, shortened(e.notes)...)
		e.examined = fmt.Sprintf("%s of %d databases", q.examined, asked)
		return e, nil
	}
}

// askCatalog asks one database, and adds what it answers. A catalog that a prepared transaction holds locked cannot be
// asked in any restore: held says so, and the other databases are asked all the same.
func (d Deep) askCatalog(ctx context.Context, database, query string, why reason.Reason, e *examination) (
	held string, err error,
) {
	conn, err := d.Connect.open(ctx, database)
	if err != nil {
		return "", err
	}
	defer closeConn(ctx, conn)
	if _, err = conn.Exec(ctx, "SET jit = off"); err != nil { // it takes longer than the query
		return "", err
	}
	rows, err := conn.Query(ctx, query, pgx.QueryExecModeExec)
	if err != nil {
		return heldCatalog(ctx, conn, err)
	}
	var bad bool
	var text string
	_, err = pgx.ForEachRow(rows, []any{&bad, &text}, func() error {
		said := "database " + database + ": " + text
		if bad {
			e.findings = append(e.findings, finding(why, said))
		} else {
			e.notes = append(e.notes, said)
		}
		return nil
	})
	return heldCatalog(ctx, conn, err)
}

// heldCatalog takes the error of a lock that did not come for an answer, and says who holds it; any other stays one.
func heldCatalog(ctx context.Context, conn *pgx.Conn, err error) (held string, _ error) {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || codeOf(answer) != lockNotAvailable {
		return "", err
	}
	return whyNot(ctx, conn, answer), nil
}
