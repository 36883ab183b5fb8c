package acceptance

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
)

var underLoad = singleFault("TestCompareUnderLoad", fault{exit: 0, why: reason.None})

// loads are what production does while it is compared: each goes on in a session of its own, round by round. What it
// does to a table while the standby is asked leaves that out at the most, and is no difference.
var loads = map[string][]string{
	"rows": {
		`INSERT INTO busy SELECT i, repeat(md5(random()::text), 100), random() FROM generate_series(1, 20) i`,
		`UPDATE busy SET n = random() WHERE id % 7 = 0`, `DELETE FROM busy WHERE id % 11 = 0`,
		`SELECT count(nextval('worn')) FROM generate_series(1, 100)`,
		`SELECT lo_put(4712, 0, convert_to(clock_timestamp()::text, 'UTF8'))`,
	},
	"subtransactions": {`DO $$ BEGIN FOR i IN 1..100 LOOP BEGIN INSERT INTO nested VALUES (i); IF i % 3 = 0 THEN
		RAISE division_by_zero; END IF; EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$`},
	"rewritten": {
		`INSERT INTO moved SELECT generate_series(1, 100)`, `VACUUM FULL moved`, `CLUSTER moved USING moved_n`,
	},
	"emptied": {`TRUNCATE brief`, `INSERT INTO brief SELECT generate_series(1, 500)`, `VACUUM brief`},
	"changed": {
		`CREATE TABLE short (n int)`, `INSERT INTO short VALUES (1)`, `ALTER TABLE short ADD m text DEFAULT 'x'`,
		`ALTER TABLE short RENAME TO shorter`, `DROP TABLE shorter`,
	},
	"renamed": {
		`ALTER TYPE colour RENAME VALUE 'red' TO 'blue'`, `ALTER TYPE colour RENAME VALUE 'blue' TO 'red'`,
		`ALTER ROLE one RENAME TO other`, `ALTER ROLE other RENAME TO one`,
	},
	"archived": {`SELECT pg_switch_wal(), pg_sleep(4)`},
}

var loadTables = []string{
	`CREATE TABLE busy (id int, body text, n float8)`, `CREATE SEQUENCE worn`, `SELECT lo_create(4712)`,
	`CREATE TABLE nested (n int)`, `CREATE TABLE moved (n int)`, `CREATE INDEX moved_n ON moved (n)`,
	`CREATE TABLE brief (n int)`, `CREATE TYPE colour AS ENUM ('red', 'green')`, `CREATE ROLE one`,
	`CREATE TABLE painted (c colour)`, `INSERT INTO painted SELECT 'red' FROM generate_series(1, 1000)`,
	`GRANT SELECT ON painted TO one`,
}

// A production at work is the same, row for row.
func TestCompareUnderLoad(t *testing.T) {
	long(t)
	ctx, cancel := context.WithTimeout(t.Context(), seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 1000}, "writing")
	require.NoError(t, err)
	marks := map[string]mark{}
	require.NoError(t, c.sql(ctx, "postgres", loadTables...))
	require.NoError(t, c.Pgbackrest(ctx, "backup", "--type=full"))
	require.NoError(t, c.Follow(ctx))
	require.NoError(t, c.note(ctx, marks, "end"))
	s, err := c.freeze(ctx, "writing", marks)
	require.NoError(t, err)

	working, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	for _, statements := range loads {
		group.Go(func() {
			for working.Err() == nil {
				// One that deadlocks with another is begun again, as an application does.
				_ = c.sql(working, "postgres", slices.Concat(statements, []string{`SELECT pg_sleep(1)`})...)
			}
		})
	}
	rc := newCopy(t, s)
	for round := range 2 {
		o := rc.start("drill", nil, "-conf", filepath.Join(c.Machine.Dir("etc"), "pgbackrest.conf"), "-deep", "none",
			"-compare", "standby", "-standby", fmt.Sprintf("host=%s port=5433 user=postgres", c.socket())).End()
		logVerdict(t, underLoad, o)
		recordVerdict(t, o)
		assert.Equal(t, underLoad.exit, o.Status, "round %d: %s", round, o.Said)
		differ := measured(o, "different_relations")
		assert.LessOrEqual(t, differ, 0.0, "%v", o.Report.Notes) // none is said where not all was looked at
		share := measured(o, "compare_coverage_ratio")
		assert.Greater(t, share, 0.5, "%v", o.Report.Notes)
		for _, note := range o.Report.Notes {
			t.Log(note)
		}
		t.Logf("round %d: %.0f %% compared, replay stood still for %s", round, 100*share,
			time.Duration(measured(o, "compare_pause_seconds")*float64(time.Second)))
	}
}

// measured is a measurement without labels; one that is not there is none.
func measured(o outcome, name string) float64 {
	for _, v := range o.Report.Values {
		if v.Name == name {
			return v.Value
		}
	}
	return -1
}
