package compare

// unstable are the types whose text depends on more than the value: those that look up names in the catalogs, and all
// types with one of them inside. looked are the former, with how they are compared, inside is which type is a part of
// which. An anyarray, as pg_statistic has, may hold any of them.
const unstable = `WITH RECURSIVE
	looked(oid, how) AS (
		SELECT oid, CASE WHEN typtype = 'e' THEN 'label' WHEN typname = 'aclitem' THEN 'right'
			WHEN typname = 'anyarray' THEN 'samples' ELSE 'number' END
		FROM pg_catalog.pg_type WHERE typtype = 'e' OR typnamespace = 'pg_catalog'::pg_catalog.regnamespace
		AND (typname IN ('aclitem', 'anyarray') OR typname ~ '^reg[a-z]+$')),
	inside(part, whole) AS (
		SELECT typelem, oid FROM pg_catalog.pg_type WHERE typelem <> 0
		UNION ALL SELECT typbasetype, oid FROM pg_catalog.pg_type WHERE typtype = 'd'
		UNION ALL SELECT a.atttypid, c.reltype FROM pg_catalog.pg_attribute a
			JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.reltype <> 0
			WHERE a.attnum > 0 AND NOT a.attisdropped
		UNION ALL SELECT rngsubtype, rngtypid FROM pg_catalog.pg_range
		UNION ALL SELECT rngtypid, rngmultitypid FROM pg_catalog.pg_range),
	unstable(oid) AS (SELECT oid FROM looked UNION SELECT i.whole FROM inside i JOIN unstable u ON u.oid = i.part)`

// columnsQuery lists the columns of what holds rows, each with how it is compared: see How. Then comes what composite
// types inside its own are made of, since the text of a value is by their columns of now; and the enum that a domain is
// of. Virtual columns hold nothing, and asking for them would run what they are made by.
const columnsQuery = unstable + `,
	base(oid, typ) AS (
		SELECT oid, oid FROM pg_catalog.pg_type WHERE typtype <> 'd'
		UNION ALL SELECT t.oid, b.typ FROM pg_catalog.pg_type t JOIN base b ON b.oid = t.typbasetype
			WHERE t.typtype = 'd'),
	listed AS (SELECT a.* FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
		AND c.relkind IN ('r', 'm') AND c.relpersistence = 'p' WHERE a.attnum > 0 AND NOT a.attisdropped
		AND a.attgenerated <> 'v'),
	down(top, oid) AS (SELECT DISTINCT atttypid, atttypid FROM listed WHERE atttypid >= 16384
		UNION SELECT d.top, i.part FROM down d JOIN inside i ON i.whole = d.oid),
	made(top, shape) AS (SELECT d.top, pg_catalog.hashtextextended(pg_catalog.string_agg(pg_catalog.format(
			'%s %s %s %s', a.attrelid, a.attnum, a.attname, a.atttypid), ' ' ORDER BY a.attrelid, a.attnum), 0)
		FROM down d JOIN pg_catalog.pg_class c ON c.reltype = d.oid
		JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 GROUP BY d.top)
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
	a.atttypid, a.attnum, coalesce(' of ' || m.shape, ''),
	CASE WHEN l.how = 'label' AND b.typ <> a.atttypid THEN pg_catalog.format('%I.%I', n.nspname, t.typname) ELSE '' END
	FROM listed a LEFT JOIN base b ON b.oid = a.atttypid LEFT JOIN pg_catalog.pg_type t ON t.oid = b.typ
	LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
	LEFT JOIN unstable u ON u.oid = a.atttypid
	LEFT JOIN looked l ON l.oid = b.typ LEFT JOIN looked e ON e.oid = t.typelem LEFT JOIN made m ON m.top = a.atttypid
	ORDER BY a.attrelid, a.attnum`

// ofEnum and ofUnstable say whether a type is an enum, or unstable in another way.
const (
	ofEnum     = `(SELECT e.oid FROM pg_catalog.pg_type e WHERE e.typtype = 'e')`
	ofUnstable = `(` + unstable + ` SELECT oid FROM unstable)`
)

// sampled is the text of a column of type anyarray: the values that ANALYZE took of a column (pg_statistic), and the
// value a column has in rows that are older than it (pg_attribute). Of an enum it is a hash of the labels' numbers, of
// other unstable types it is left aside. The subqueries depend on no row, so that each is run once.
func sampled(value string) string {
	of := func(types string) string { return "t.atttypid IN " + types }
	if value != "t.attmissingval" {
		of = func(types string) string {
			return "(t.starelid, t.staattnum) IN (SELECT a.attrelid, a.attnum FROM pg_catalog.pg_attribute a " +
				"WHERE a.atttypid IN " + types + ")"
		}
	}
	return "CASE WHEN " + of(ofEnum) + " THEN pg_catalog.hash_array_extended(" + value + ", 0)::pg_catalog.text " +
		"WHEN " + of(ofUnstable) + " THEN NULL ELSE " + value + "::pg_catalog.text END"
}
