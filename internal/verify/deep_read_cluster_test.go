package verify_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
)

// brokenLength makes eight bytes of a whole number what claims to be a value that has no end: compressed, and of
// nearly 1 GB. The first column of %s, v, is of bytea then.
const brokenLength = `UPDATE pg_attribute SET atttypid = 'bytea'::regtype, attlen = -1, attbyval = false,
	attstorage = 'x' WHERE attname = 'v' AND attrelid = '%s'::regclass`

// broken is such a number.
const broken = `((x'3fffffff'::bigint << 32) | 34)`

// evil is a function that a planner calls, and that writes a file as whoever may.
const evil = `CREATE FUNCTION tell() RETURNS int LANGUAGE plpgsql VOLATILE AS
		$$ BEGIN COPY (SELECT 1) TO '%s'; RETURN 1; EXCEPTION WHEN insufficient_privilege THEN RETURN 1; END $$;
	CREATE OR REPLACE FUNCTION evil(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
		$$ BEGIN RETURN public.tell(); END $$`

// readCluster is a cluster with a role that may only read, and a function that tells by a file whether a superuser has
// planned a query of the data.
type readCluster struct {
	*cluster
	told string // the file
}

func startReadCluster(t *testing.T) readCluster {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := readCluster{cluster: startCluster(t)}
	c.told = filepath.Join(c.Dir, "told")
	c.exec(t, "postgres", "CREATE ROLE reader LOGIN BYPASSRLS", "GRANT pg_read_all_data TO reader",
		"CREATE FUNCTION evil(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END'")
	return c
}

// run makes one check as the drill does: by a superuser, and by a role that may only read.
func (c readCluster) run(t *testing.T, check string) verify.Outcome {
	t.Helper()
	asReader := func(ctx context.Context, database string) (*pgx.Conn, error) {
		if database == "" {
			database = "postgres"
		}
		return pgx.Connect(ctx, "host="+c.Dir+" user=reader default_transaction_read_only=on dbname="+database)
	}
	asSuperuser := func(ctx context.Context, database string) (*pgx.Conn, error) {
		return pgx.Connect(ctx, "host="+c.Dir+" user=boss dbname="+database)
	}
	outcomes, err := verify.Deep{Superuser: asSuperuser, Connect: asReader, Workers: 1}.
		Run(t.Context(), []string{check}, 10*time.Minute)
	require.NoError(t, err)
	for _, o := range outcomes {
		if o.Check == check {
			return o
		}
	}
	return verify.Outcome{}
}

// A length that is none is damage wherever it stands, and no function of the data is called as the superuser to see it.
func TestFullRead_BrokenLengths(t *testing.T) {
	c := startReadCluster(t)
	set := func(what string) string { return strings.ReplaceAll(brokenLength, "%s", what) }
	damage := func(statements ...string) {
		c.exec(t, "postgres", append([]string{"SET allow_system_table_mods = on"}, statements...)...)
	}
	c.exec(t, "postgres",
		"CREATE TABLE kept (v bigint, id int)", "INSERT INTO kept VALUES ("+broken+", 1)",
		"CREATE INDEX kept_id ON kept (id) WHERE evil(1) = 1",
		"CREATE TABLE made (v bigint GENERATED ALWAYS AS (id + "+broken+" - 1) STORED, id int)",
		"INSERT INTO made (id) VALUES (1)",
		"CREATE MATERIALIZED VIEW seen AS SELECT "+broken+" AS v, 1 AS id",
		"CREATE INDEX seen_id ON seen (id) WHERE evil(1) = 1",
		strings.ReplaceAll(evil, "%s", c.told))
	o := c.run(t, "full_read")
	assert.Equal(t, verify.Passed, o.Status, o.Sentence)
	assert.Empty(t, o.Notes)
	for what, names := range map[string]string{
		"kept": "table public.kept", "made": "table public.made", "seen": "materialized view public.seen",
	} {
		damage(set(what))
		o = c.run(t, "full_read")
		assert.Equal(t, reason.PageChecksum, o.Reason, "%s: %s %q", what, o.Sentence, o.Notes)
		assert.Contains(t, o.Sentence, names+" in database postgres: invalid memory alloc request size 1073741827")
		damage("UPDATE pg_attribute SET atttypid = 'int8'::regtype, attlen = 8, attbyval = true, attstorage = 'p' " +
			"WHERE attname = 'v' AND attrelid = '" + what + "'::regclass")
	}
	assert.Equal(t, verify.Passed, c.run(t, "full_read").Status)
	assert.NoFileExists(t, c.told, "planned as a superuser")
	c.exec(t, "postgres", "SELECT v FROM kept WHERE id = 1") // the test's own superuser is one that would be told of
	assert.FileExists(t, c.told)
	require.NoError(t, os.Remove(c.told))
}

// Damage that COPY of a table told of stays one where a query on it cannot be asked.
func TestFullRead_DamageOfWhatCannotBePlanned(t *testing.T) {
	c := startReadCluster(t)
	c.exec(t, "postgres", "CREATE TABLE kept (v bigint, id int)", "INSERT INTO kept VALUES ("+broken+", 1)",
		"CREATE INDEX kept_id ON kept (id) WHERE evil(1) = 1", "REVOKE EXECUTE ON FUNCTION evil FROM PUBLIC",
		"SET allow_system_table_mods = on")
	assert.Equal(t, verify.Passed, c.run(t, "full_read").Status)
	c.exec(t, "postgres", "SET allow_system_table_mods = on", strings.ReplaceAll(brokenLength, "%s", "kept"))
	o := c.run(t, "full_read")
	assert.Equal(t, reason.PageChecksum, o.Reason, "%s %q", o.Sentence, o.Notes)
}

// No constraint of the data is for a planner that has the superuser's rights, whatever its database says: rows of one
// key are found all the same.
func TestUniqueKeys_PlannerEvaluatesNoConstraint(t *testing.T) {
	c := startReadCluster(t)
	c.exec(t, "postgres",
		"CREATE TABLE priced (price numeric, CHECK (evil(1) = 1))",
		"CREATE UNIQUE INDEX priced_price ON priced (price)",
		"ALTER TABLE priced ENABLE ROW LEVEL SECURITY", "INSERT INTO priced VALUES (2.0)",
		"ALTER DATABASE postgres SET constraint_exclusion = on", strings.ReplaceAll(evil, "%s", c.told))
	o := c.run(t, "unique_keys")
	assert.Equal(t, verify.Passed, o.Status, o.Sentence)
	assert.Empty(t, o.Notes)
	assert.NoFileExists(t, c.told, "planned as a superuser")
	c.exec(t, "postgres", "SELECT FROM priced WHERE price IS NOT NULL")
	assert.FileExists(t, c.told)
	require.NoError(t, os.Remove(c.told))

	c.exec(t, "postgres", "SET allow_system_table_mods = on", fmt.Sprintf(notUnique, false, "priced_price"),
		"INSERT INTO priced VALUES (2.00)", fmt.Sprintf(notUnique, true, "priced_price"))
	require.NoError(t, os.Remove(c.told))
	assert.Equal(t, reason.IndexCorrupt, c.run(t, "unique_keys").Reason)
	assert.NoFileExists(t, c.told, "planned as a superuser")
}
