package verify_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
)

// TestSuggest asks a real PostgreSQL with tables of every kind.
func TestSuggest(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what needs a real PostgreSQL")
	}
	c := startCluster(t, "max_prepared_transactions=2")
	ctx := deadline(t)
	suggest := func() verify.Suggestion {
		s, err := verify.Suggest(ctx, c.connect, c.connect, time.Minute)
		require.NoError(t, err)
		return s
	}
	empty := suggest()
	assert.Empty(t, empty.YAML)
	assert.Contains(t, empty.Why, "no table with rows in any database")
	assert.Empty(t, empty.Notes)

	c.exec(t, "postgres",
		"CREATE DATABASE shop",
		"CREATE TABLE largest AS SELECT i, repeat('x', 200) AS w FROM generate_series(1, 30000) i",
		"CREATE TABLE parted (i int, w text) PARTITION BY RANGE (i)",
		"CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (5000)",
		"CREATE TABLE parted_2 PARTITION OF parted DEFAULT",
		"INSERT INTO parted SELECT i, repeat('x', 100) FROM generate_series(1, 10000) i",
		"CREATE TABLE old (i int, w text)", "CREATE TABLE old_1 () INHERITS (old)",
		"INSERT INTO old_1 SELECT i, repeat('x', 100) FROM generate_series(1, 5000) i",
		// What is not there to be asked.
		"CREATE UNLOGGED TABLE fleeting AS SELECT i, repeat('x', 500) AS w FROM generate_series(1, 50000) i",
		"CREATE TABLE none (i int)", "CREATE TABLE emptied AS SELECT 1", "DELETE FROM emptied",
		"CREATE TABLE veza_heartbeat AS SELECT i FROM generate_series(1, 90000) i",
		"CREATE VIEW seen AS TABLE largest", "CREATE MATERIALIZED VIEW kept AS TABLE largest",
		"CREATE EXTENSION postgres_fdw", "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw",
		"CREATE TABLE mixed (i int, w text) PARTITION BY RANGE (i)",
		"CREATE FOREIGN TABLE mixed_1 PARTITION OF mixed FOR VALUES FROM (1) TO (5) SERVER far",
		"CREATE TABLE mixed_2 PARTITION OF mixed DEFAULT",
		"INSERT INTO mixed SELECT i, repeat('x', 300) FROM generate_series(10, 20000) i",
		"CREATE TABLE \"it's a \"\"line\"\"\nand: #another\" AS SELECT 1 AS i FROM generate_series(1, 250)",
		"CREATE TABLE owned AS SELECT i, repeat('x', 300) AS w FROM generate_series(1, 20000) i",
		"ALTER EXTENSION postgres_fdw ADD TABLE owned",
		"CREATE TABLE locked AS SELECT i FROM generate_series(1, 3000) i", "VACUUM locked",
		"BEGIN", "LOCK TABLE locked IN ACCESS EXCLUSIVE MODE", "PREPARE TRANSACTION 'undecided'",
	)
	c.exec(t, "shop", `CREATE TABLE "Accounts" AS SELECT 1 AS i FROM generate_series(1, 40)`)

	found := suggest()
	checks, err := verify.ParseChecks("suggested", []byte(found.YAML), "elsewhere")
	require.NoError(t, err, found.YAML)
	var got []string
	for _, check := range checks {
		got = append(got, check.Name+" in "+check.Database+" "+check.Expect.String())
	}
	assert.Equal(t, []string{
		"largest in postgres at least 27000", "parted in postgres at least 9000", "old in postgres at least 4500",
		"it_s_a_line_and_another in postgres at least 220", "Accounts in shop at least 36",
	}, got, found.YAML)
	assert.Empty(t, found.Why)
	require.Len(t, found.Notes, 1)
	assert.Contains(t, found.Notes[0], "not suggested: check locked in database postgres")

	outcomes, err := verify.Run(ctx, c.connect, checks, endOfRecovery)
	require.NoError(t, err)
	for _, o := range outcomes {
		assert.Equal(t, verify.Passed, o.Status, o.Sentence)
	}

	spent, err := verify.Suggest(ctx, c.connect, c.connect, 0)
	require.NoError(t, err)
	assert.Contains(t, spent.YAML, "# there was no time to count")
	_, err = verify.ParseChecks("suggested", []byte(spent.YAML), "elsewhere")
	require.NoError(t, err)

	damaged := func(words string) {
		t.Helper()
		_, err = verify.Suggest(ctx, c.connect, c.connect, time.Minute)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.PageChecksum, why, "%v", err)
		assert.ErrorContains(t, err, words)
	}
	more := "UPDATE pg_class SET relnatts = relnatts + %d WHERE oid = '%s'::regclass"
	c.exec(t, "shop", fmt.Sprintf(more, 1, `"Accounts"`))
	damaged("missing 1 attribute")
	c.exec(t, "shop", fmt.Sprintf(more, -1, `"Accounts"`), fmt.Sprintf(more, 1, "pg_inherits"))
	damaged("the tables of database shop cannot be listed")

	c.Kill()
	_, err = verify.Suggest(ctx, c.connect, c.connect, time.Minute)
	assert.True(t, verify.SessionEnded(err), "%v", err)
}

// The smoke check that nobody asked for is left out where no table of that name is anywhere; one that is elsewhere,
// or was asked for, is missed.
func TestRun_TheSmokeCheckThatNobodyAskedFor(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what needs a real PostgreSQL")
	}
	c := startCluster(t)
	run := func(check verify.Check) verify.Outcome {
		outcomes, err := verify.Run(deadline(t), c.connect, []verify.Check{check}, endOfRecovery)
		require.NoError(t, err)
		return outcomes[0]
	}
	smoke := verify.SmokeCheck("postgres", 1)
	c.exec(t, "postgres", "CREATE DATABASE shop", "CREATE TABLE app_users AS SELECT 1 AS i")
	nobody := run(smoke.Assumed())
	assert.Equal(t, verify.LeftOut, nobody.Status)
	assert.EqualValues(t, "config_invalid", nobody.Reason)
	assert.Contains(t, nobody.Sentence, "nothing says what must be there")
	assert.Contains(t, nobody.Sentence, "no database has a table users; database postgres has the table app_users")
	assert.Equal(t, verify.Failed, run(smoke).Status)
	assert.Equal(t, verify.LeftOut, run(verify.SmokeCheck("nowhere", 1).Assumed()).Status)

	c.exec(t, "shop", `CREATE TABLE "Users" AS SELECT 1 AS i`)
	assert.EqualValues(t, "smoke_query", run(smoke.Assumed()).Reason)
	c.exec(t, "shop", `DROP TABLE "Users"`, `CREATE VIEW users AS SELECT 1 AS i`)
	assert.EqualValues(t, "smoke_query", run(smoke.Assumed()).Reason)
	c.exec(t, "postgres", "CREATE TABLE users AS SELECT 1 AS i")
	assert.Equal(t, verify.Passed, run(smoke.Assumed()).Status)
}
