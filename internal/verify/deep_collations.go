package verify

import (
	"fmt"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/versions"
)

// defaultCollationOID is the collation of whatever names none: the database's.
const defaultCollationOID = "100"

// sortedBy lists what of the user's is sorted by which collation: (sorted regclass, collation oid).
//
// An index is sorted by the collation of each of its columns, unless its operators compare bytes
// (text_pattern_ops and its like, SP-GiST's and trigrams), or hash them, and by those inside the
// column's type: of a range, of the parts of a composite, of what an array or a domain is made of,
// of a jsonb, whose texts are compared by the database's. A partial index, and one on an
// expression, hold what an ordering comparison said of a text. Rows of a table that is partitioned by
// ranges lie where their texts were ordered to.
// Whether two texts are equal is the collation's to say where it is nondeterministic, and a hash is one of its sort
// key: then hash indexes, partitions by hash or list, and comparisons for equality count as well.
const sortedBy = `WITH RECURSIVE bytes AS (
	SELECT f.oid FROM pg_catalog.pg_opfamily f JOIN pg_catalog.pg_am m ON m.oid = f.opfmethod
	WHERE f.opfname IN ('text_pattern_ops', 'bpchar_pattern_ops', 'gin_trgm_ops', 'gist_trgm_ops')
		OR m.amname = 'spgist' AND f.opfname = 'text_ops' OR m.amname = 'brin' AND f.opfname ~ '_bloom_ops$'
		OR m.amname = 'bloom'
), ordering AS (
	SELECT DISTINCT o.amopopr AS oid FROM pg_catalog.pg_amop o
		JOIN pg_catalog.pg_am m ON m.oid = o.amopmethod AND m.amname = 'btree'
	WHERE o.amopstrategy <> 3 AND o.amopfamily NOT IN (SELECT oid FROM bytes)
), equality AS (
	SELECT pg_catalog.unnest(ARRAY[p.oid, p.oprnegate]) AS oid FROM pg_catalog.pg_amop o
		JOIN pg_catalog.pg_am m ON m.oid = o.amopmethod AND m.amname = 'btree'
		JOIN pg_catalog.pg_operator p ON p.oid = o.amopopr
	WHERE o.amopstrategy = 3 AND o.amopfamily NOT IN (SELECT oid FROM bytes)
), columns AS (
	SELECT x.indexrelid AS sorted, a.atttypid AS type, x.indcollation[k.n - 1] AS coll, m.amname = 'hash' AS equal
	FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
		JOIN pg_catalog.pg_am m ON m.oid = i.relam
		CROSS JOIN LATERAL pg_catalog.generate_series(1, x.indnkeyatts) k(n)
		JOIN pg_catalog.pg_attribute a ON a.attrelid = i.oid AND a.attnum = k.n
		JOIN pg_catalog.pg_opclass c ON c.oid = x.indclass[k.n - 1]
	WHERE x.indrelid >= ` + firstUserOID + ` AND i.relkind = 'i' AND i.relpersistence <> 't'
		AND c.opcfamily NOT IN (SELECT oid FROM bytes)
	UNION ALL
	SELECT p.partrelid, a.atttypid, p.partcollation[k.n - 1], p.partstrat <> 'r'
	FROM pg_catalog.pg_partitioned_table p CROSS JOIN LATERAL pg_catalog.generate_series(1, p.partnatts) k(n)
		LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[k.n - 1]
			AND a.attnum > 0
		JOIN pg_catalog.pg_opclass c ON c.oid = p.partclass[k.n - 1]
	WHERE c.opcfamily NOT IN (SELECT oid FROM bytes)
), parts AS (
	SELECT sorted, type, coll, equal FROM columns
	UNION
	SELECT p.sorted, inner_.type, inner_.coll, p.equal FROM parts p CROSS JOIN LATERAL (
		SELECT r.rngsubtype AS type, r.rngcollation AS coll FROM pg_catalog.pg_range r
			WHERE p.type IN (r.rngtypid, (to_jsonb(r) ->> 'rngmultitypid')::oid)
		UNION ALL SELECT t.typbasetype, 0 FROM pg_catalog.pg_type t
			WHERE t.oid = p.type AND t.typtype = 'd'
		UNION ALL SELECT t.typelem, 0 FROM pg_catalog.pg_type t
			WHERE t.oid = p.type AND t.typelem <> 0 AND t.typlen = -1
		UNION ALL SELECT a.atttypid, a.attcollation FROM pg_catalog.pg_type t
			JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
			WHERE t.oid = p.type AND t.typtype = 'c'
		UNION ALL SELECT 0, ` + defaultCollationOID + ` WHERE p.type = 'pg_catalog.jsonb'::regtype AND NOT p.equal
			AND EXISTS (SELECT FROM pg_catalog.pg_class i JOIN pg_catalog.pg_am m ON m.oid = i.relam
				WHERE i.oid = p.sorted AND m.amname = 'btree')
	) inner_
), compared AS (
	SELECT x.indexrelid AS sorted, found[1]::oid AS operator, found[2]::oid AS coll
	FROM pg_catalog.pg_index x, pg_catalog.regexp_matches(
		coalesce(x.indexprs::text, '') || coalesce(x.indpred::text, ''),
		'[{](?:OPEXPR|SCALARARRAYOPEXPR|DISTINCTEXPR|NULLIFEXPR) :opno ([0-9]+)[^{}]*:inputcollid ([0-9]+)', 'g') found
	WHERE x.indrelid >= ` + firstUserOID + `
), nondeterministic AS (
	SELECT oid FROM pg_catalog.pg_collation WHERE NOT collisdeterministic
), sorting AS (
	SELECT sorted, coll FROM parts p WHERE coll <> 0 AND (NOT equal OR coll IN (SELECT oid FROM nondeterministic))
	UNION SELECT sorted, coll FROM compared WHERE operator IN (SELECT oid FROM ordering)
		OR operator IN (SELECT oid FROM equality) AND coll IN (SELECT oid FROM nondeterministic)
)`

// staleText is the sentence on a collation whose version here is another one.
const staleText = `format('collation %%s was made with version %%s and has version %%s here, ` +
	`so that what is sorted by it may be sorted wrongly%%s', %s, %s, %s, ` +
	`coalesce(', such as ' || %s::regclass || '; REINDEX it (or move the rows of a partitioned table), then ALTER ' ` +
	`|| %s || ' REFRESH %sVERSION', '; none of user tables is'))`

// example is the first thing that is sorted by a collation.
const example = `(SELECT min(s.sorted) FROM sorting s WHERE s.coll = %s)`

// staleCollations: what was sorted by another version of the operating system's rules no longer
// finds rows that are there.
var staleCollations = catalogQuery{
	examined: "collations", reason: reason.IndexCorrupt, also: defaultCollation, when: versions.DatabaseCollation,
	query: sortedBy + ` SELECT ` + fmt.Sprintf(example, "c.oid") + ` IS NOT NULL,
		` + fmt.Sprintf(staleText, "c.oid::regcollation", "c.collversion",
		"pg_catalog.pg_collation_actual_version(c.oid)", fmt.Sprintf(example, "c.oid"),
		"'COLLATION ' || c.oid::regcollation", "") + `
		FROM pg_catalog.pg_collation c
		WHERE c.collversion IS NOT NULL
		AND c.collencoding IN (-1, (SELECT encoding FROM pg_catalog.pg_database WHERE datname = current_database()))
		AND c.collversion <> pg_catalog.pg_collation_actual_version(c.oid)`,
}

// defaultCollation asks the same about the database's own collation.
var defaultCollation = `UNION ALL SELECT ` + fmt.Sprintf(example, defaultCollationOID) + ` IS NOT NULL,
	` + fmt.Sprintf(staleText, "'of the database'", "d.datcollversion",
	"pg_catalog.pg_database_collation_actual_version(d.oid)", fmt.Sprintf(example, defaultCollationOID),
	"format('DATABASE %I', d.datname)", "COLLATION ") + `
	FROM pg_catalog.pg_database d WHERE d.datname = current_database() AND d.datcollversion IS NOT NULL
	AND d.datcollversion <> pg_catalog.pg_database_collation_actual_version(d.oid)
	ORDER BY 1 DESC`
