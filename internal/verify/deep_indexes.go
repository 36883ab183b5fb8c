package verify

import "veza.fr/recovery/internal/reason"

// invalidIndexes tells what CREATE INDEX, REINDEX and DROP INDEX CONCURRENTLY go through, and
// leave behind when they are cut, from an index that is lost (pg_index's flags: index.c,
// index_set_state_flags). Being built and left over, an index that promises nothing takes
// nothing from the data. Lost is
//   - one that stands behind a constraint, or tells rows apart for replication: no build does;
//   - one that is whole and switched off: no build passes through that either;
//   - a unique one that was ready, or is a copy by name (_ccnew, _ccold) without its original, where
//     no valid index keeps the same rows apart: nothing keeps them apart then.
var invalidIndexes = catalogQuery{
	examined: "indexes", reason: reason.IndexCorrupt,
	query: `WITH keys AS (
		SELECT x.indexrelid, array_agg(CASE WHEN x.indkey[k - 1] <> 0 THEN x.indkey[k - 1]::text
			WHEN h.held THEN ` + unplaced("x.indexprs") + `
			ELSE pg_catalog.pg_get_indexdef(x.indexrelid, k, false) END
			|| ' ' || x.indclass[k - 1] || ' ' || x.indcollation[k - 1] ORDER BY k) AS parts,
			CASE WHEN h.held THEN ` + unplaced("x.indpred") + `
			ELSE pg_catalog.pg_get_expr(x.indpred, x.indrelid) END AS predicate
		FROM pg_catalog.pg_index x, pg_catalog.generate_series(1, x.indnkeyatts) k,
			LATERAL (SELECT x.indrelid IN (` + heldTables + `) AS held) h
		WHERE x.indrelid IN (SELECT indrelid FROM pg_catalog.pg_index
			WHERE NOT (indisvalid AND indisready AND indislive))
		GROUP BY x.indexrelid, h.held
	), broken AS (
		SELECT x.*, i.relname, n.nspname,
			i.relname ~ '_cc(new|old)[0-9]*$' AS copy, x.indisunique OR x.indisexclusion AS keeps,
			x.indisreplident
				OR EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.conindid = x.indexrelid) AS promised,
			NOT x.indisready AND x.indislive AND i.relpages > 0 AND i.relname !~ '_cc(new|old)[0-9]*$' AS switched_off,
			EXISTS (SELECT FROM pg_catalog.pg_index y JOIN keys theirs ON theirs.indexrelid = y.indexrelid
				JOIN keys ours ON ours.indexrelid = x.indexrelid
				WHERE y.indrelid = x.indrelid AND y.indisunique AND y.indisvalid AND y.indisready AND y.indislive
				AND theirs.parts <@ ours.parts
				AND (y.indpred IS NULL OR theirs.predicate IS NOT DISTINCT FROM ours.predicate)
				AND coalesce(to_jsonb(y) ->> 'indnullsnotdistinct', 'false')
					>= coalesce(to_jsonb(x) ->> 'indnullsnotdistinct', 'false')) AS kept
		FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
			JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
		WHERE i.relkind = 'i' AND i.relpersistence <> 't' AND NOT (x.indisvalid AND x.indisready AND x.indislive)
	), judged AS (
		SELECT *, keeps AND NOT kept AND indislive AND (indisready OR copy) AS alone FROM broken
	)
	SELECT promised OR switched_off OR alone, format('index %I.%I of table %s is invalid (valid %s, ready %s): %s',
		nspname, relname, indrelid::regclass, indisvalid, indisready, CASE
		WHEN promised THEN 'a constraint or replication counts on it, and it keeps nothing; build it again'
		WHEN alone THEN 'no other index keeps these rows apart, and it does not either; drop it and build it again'
		WHEN switched_off THEN 'no query uses it, and it keeps nothing unique, although it was built once; '
			'drop it and build it again'
		WHEN NOT indislive THEN 'it was being dropped'
		WHEN keeps AND kept THEN 'a valid one does the same: REINDEX CONCURRENTLY was at work, or was cut; '
			'drop it when none is'
		ELSE 'CREATE INDEX CONCURRENTLY was building it, or was cut, and no query uses it; '
			'when none is at work in production, drop it there and build it again' END)
	FROM judged ORDER BY 1 DESC, 2`,
}

// unplaced is a stored expression as it is, but for where in a statement it once stood. Its text would take a lock of
// its table, and what a prepared transaction holds is never had: two that say the same look the same this way too, if
// they were written alike.
func unplaced(expression string) string {
	return `regexp_replace((` + expression + `)::text, ':location -?[0-9]+', '', 'g')`
}
