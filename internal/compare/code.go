package compare

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// withCode lists the tables for whose rows no superuser may ask. The planner simplifies the expressions of their
// indexes and statistics whatever the query is (plancat.c, get_relation_info), and may run functions in them. Those of
// the server itself, below OID 12000 (transam.h, FirstUnpinnedObjectId), and those in C or internal, which only who
// owns the machine can have installed, are not the data's code. Checks of domains are.
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

// leaveOutCode takes the tables out of a list for which a superuser would run code of the data.
func (s *Side) leaveOutCode(ctx context.Context, conn *pgx.Conn, objects map[ID]Object) error {
	rows, err := conn.Query(ctx, withCode)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[uint32])
	for _, oid := range found {
		for _, id := range []ID{{conn.Config().Database, oid}, {"", oid}} {
			if o, listed := objects[id]; listed {
				s.LeftOut = append(s.LeftOut, LeftOut{ID: id, Name: o.Name, Why: codeWhy})
			}
		}
	}
	return err
}

const codeWhy = "an expression of its indexes or statistics calls functions of the data, which are never run by a " +
	"superuser; with a login role veza_compare in the data it is compared"
