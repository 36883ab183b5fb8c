package compare

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// withCode lists the tables whose rows nobody may ask for who has more rights than their owner: a superuser, and a role
// that reads everything. The planner simplifies the expressions of their indexes and statistics whatever the query is
// (plancat.c, get_relation_info), and may run functions in them, as whoever asks. Those of the server itself, below OID
// 12000 (transam.h, FirstUnpinnedObjectId), and those in C or internal, which only who owns the machine can have
// installed, are not the data's code. Checks of domains are.
const withCode = `WITH
	trees(tab, tree) AS (
		SELECT indrelid, indexprs::text FROM pg_catalog.pg_index WHERE indexprs IS NOT NULL
		UNION ALL SELECT indrelid, indpred::text FROM pg_catalog.pg_index WHERE indpred IS NOT NULL
		UNION ALL SELECT stxrelid, stxexprs::text FROM pg_catalog.pg_statistic_ext WHERE stxexprs IS NOT NULL),
	named(tab, word, id) AS (SELECT t.tab, m[1], m[2]::oid
		FROM trees t, pg_catalog.regexp_matches(t.tree, ':([a-z]*(?:func|fno)[a-z]*id|opno) ([0-9]+)', 'g') m),
	called(tab, id) AS (
		SELECT tab, id FROM named WHERE word <> 'opno'
		UNION ALL SELECT n.tab, coalesce(o.oprcode::oid, n.id)
			FROM named n LEFT JOIN pg_catalog.pg_operator o ON o.oid = n.id WHERE n.word = 'opno')
	SELECT DISTINCT tab FROM called LEFT JOIN pg_catalog.pg_proc p ON p.oid = called.id
		WHERE called.id >= 12000 AND coalesce(p.prolang, 14) NOT IN (12, 13)
	UNION SELECT tab FROM trees WHERE tree ~ '\{(COERCETODOMAIN|ROWCOMPARE|MINMAX|SUBLINK|SUBPLAN)'`

// LeaveOutCode are those of some tables that are not asked for their rows, since that would run code of the data.
func LeaveOutCode(ctx context.Context, conn *pgx.Conn, objects map[ID]Object) (list []LeftOut, err error) {
	rows, err := conn.Query(ctx, withCode)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[uint32])
	for _, oid := range found {
		for _, id := range []ID{{conn.Config().Database, oid}, {"", oid}} {
			if o, listed := objects[id]; listed {
				list = append(list, LeftOut{ID: id, Name: o.Name, Why: codeWhy, Code: true})
			}
		}
	}
	return list, err
}

const codeWhy = "an expression of its indexes or statistics calls functions of the data, which asking for its rows " +
	"would run with the rights of who asks; functions of PostgreSQL itself, and in C, do not keep a table out"
