package verify

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
)

// catalogQuery asks the catalog of each database for what is wrong.
type catalogQuery struct {
	examined string // what stands in the catalog: "indexes"
	reason   reason.Reason
	// query returns rows of (bad bool, text): one that is bad is a finding, else a note.
	query string
	// also is asked with it from a version on (server_version_num).
	also  string
	since int
}

// firstUserOID is the first oid that is not the catalog's own (FirstNormalObjectId).
const firstUserOID = "16384"

// invalidIndexes: what CREATE INDEX CONCURRENTLY left half-made is not used by queries, and a
// unique one keeps nothing unique. What REINDEX CONCURRENTLY leaves over (_ccnew, _ccold)
// stands beside a whole index, and does no harm.
var invalidIndexes = catalogQuery{
	examined: "indexes", reason: reason.IndexCorrupt,
	query: `SELECT i.relname !~ '_cc(new|old)[0-9]*$',
		format('index %I.%I of table %s is invalid (valid %s, ready %s): no query uses it, '
			'and it keeps nothing unique; drop it and build it again', n.nspname, i.relname,
			x.indrelid::regclass, x.indisvalid, x.indisready)
		FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
			JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
		WHERE i.relkind = 'i' AND i.relpersistence <> 't' AND NOT (x.indisvalid AND x.indisready AND x.indislive)
		ORDER BY 1 DESC, 2`,
}

// sortedIndex is an index of a user table that is sorted by a collation (oid 100 is the
// database's default).
const sortedIndex = `(SELECT x.indexrelid FROM pg_catalog.pg_index x
	WHERE x.indrelid >= ` + firstUserOID + ` AND %s = ANY (x.indcollation) ORDER BY 1 LIMIT 1)`

const collationText = `format('collation %%s was made with version %%s and has version %%s here, ` +
	`so that indexes on text may be sorted wrongly%%s; REINDEX them, then ALTER %%s REFRESH %%sVERSION',
	%s, %s, %s, coalesce(', such as ' || %s::regclass, '; none of user tables is'), %s, %s)`

// staleCollations: an index that was sorted by another version of the operating system's
// rules no longer finds rows that are there.
var staleCollations = catalogQuery{
	examined: "collations", reason: reason.IndexCorrupt, also: defaultCollation, since: 150000,
	query: `SELECT ` + fmt.Sprintf(sortedIndex, "c.oid") + ` IS NOT NULL,
		` + fmt.Sprintf(collationText, "c.oid::regcollation", "c.collversion",
		"pg_catalog.pg_collation_actual_version(c.oid)", fmt.Sprintf(sortedIndex, "c.oid"),
		"'COLLATION ' || c.oid::regcollation", "''") + `
		FROM pg_catalog.pg_collation c
		WHERE c.collversion IS NOT NULL
		AND c.collencoding IN (-1, (SELECT encoding FROM pg_catalog.pg_database WHERE datname = current_database()))
		AND c.collversion <> pg_catalog.pg_collation_actual_version(c.oid)`,
}

// defaultCollation asks the same about the database's own collation, whose version is kept since 15.
var defaultCollation = `UNION ALL SELECT ` + fmt.Sprintf(sortedIndex, "100") + ` IS NOT NULL,
	` + fmt.Sprintf(collationText, "'of the database'", "d.datcollversion",
	"pg_catalog.pg_database_collation_actual_version(d.oid)", fmt.Sprintf(sortedIndex, "100"),
	"format('DATABASE %I', d.datname)", "'COLLATION '") + `
	FROM pg_catalog.pg_database d WHERE d.datname = current_database() AND d.datcollversion IS NOT NULL
	AND d.datcollversion <> pg_catalog.pg_database_collation_actual_version(d.oid)`

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
		if s.version >= q.since {
			query += "\n" + q.also
		}
		for _, database := range s.databases {
			if err := d.askCatalog(ctx, database, query, q.reason, &e); err != nil {
				return e, fmt.Errorf("database %s: %w", database, err)
			}
		}
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
