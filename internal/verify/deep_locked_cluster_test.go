package verify_test

import (
	"cmp"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
)

// held is a database of which a prepared transaction keeps everybody from one table of each kind.
var held = []string{
	`CREATE TABLE other (id serial PRIMARY KEY, what text, twice int GENERATED ALWAYS AS (length(what) * 2) STORED)`,
	`INSERT INTO other (what) SELECT md5(i::text) FROM generate_series(1, 100) i`,
	`CREATE UNIQUE INDEX other_lower ON other (lower(what)) WHERE id > 0`,
	`CREATE UNIQUE INDEX other_lower_ccnew ON other (lower(what)) WHERE id > 0`,
	`CREATE TABLE parted (id serial, x int, PRIMARY KEY (id, x)) PARTITION BY LIST (x)`,
	`CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1)`, `INSERT INTO parted (x) VALUES (1)`,
	`CREATE TABLE late (id serial PRIMARY KEY)`, `CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (late)`,
	`INSERT INTO late SELECT FROM generate_series(1, 9)`, `INSERT INTO heir VALUES (5), (10)`,
	`CREATE TABLE coded (code text)`, `CREATE UNIQUE INDEX coded_code ON coded (lower(code))`,
	flags("other_lower_ccnew", "false", "true"), flags("coded_code", "false", "true"),
	`BEGIN; ALTER TABLE other ADD COLUMN soon int; ALTER TABLE parted ADD COLUMN soon int;
		LOCK pg_shdescription; PREPARE TRANSACTION 'xa'`,
}

// What a prepared transaction holds cannot be read in any restore. That is a note, and hides nothing that is wrong
// beside it in the same database.
func TestDeep_WhatIsHeldHidesNothingElse(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t, "max_prepared_transactions=5", "lock_timeout=2s")
	conn, err := c.connect(t.Context(), "postgres")
	require.NoError(t, err)
	defer conn.Close(t.Context()) //nolint:errcheck // the cluster ends with the test
	for _, statement := range held {
		_, err = conn.Exec(t.Context(), "SET allow_system_table_mods = on;"+statement)
		require.NoError(t, err, statement)
	}
	deep := verify.Deep{Superuser: c.connect, Connect: c.connect, Workers: 2}
	outcomes, err := deep.Run(t.Context(), []string{"sequences", "invalid_indexes"}, 10*time.Minute)
	require.NoError(t, err)
	found := map[string]verify.Outcome{}
	for _, o := range outcomes {
		found[o.Check] = o
	}

	o := found["sequences"]
	assert.Equal(t, reason.StaleData, o.Reason, o.Sentence)
	assert.Contains(t, o.Sentence, "column id of table public.heir is at 10 already: number 10 is there")
	notes := strings.Join(o.Notes, "\n")
	assert.Contains(t, notes, "sequence public.other_id_seq of table public.other was not compared")
	assert.Contains(t, notes, "sequence public.parted_id_seq of table public.parted was not compared")

	o = found["invalid_indexes"]
	assert.Equal(t, reason.IndexCorrupt, o.Reason, o.Sentence)
	assert.Contains(t, o.Sentence, "index public.coded_code of table public.coded is invalid")
	assert.NotContains(t, o.Sentence, "other_lower")
	assert.Contains(t, strings.Join(o.Notes, "\n"), "index public.other_lower_ccnew of table public.other is invalid")
}

// A catalog that a prepared transaction holds is a note of its database, and the others are asked.
func TestDeep_HeldCatalogsHideNothingElse(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t, "max_prepared_transactions=5")
	c.exec(t, "postgres", `CREATE DATABASE beside`, `CREATE DATABASE last`,
		`CREATE TABLE dear (price numeric UNIQUE)`, `INSERT INTO dear VALUES (1.0)`)
	c.exec(t, "beside", `SET allow_system_table_mods = on; CREATE TABLE coded (code text);
		CREATE UNIQUE INDEX coded_code ON coded (code);`+flags("coded_code", "false", "true"))
	c.exec(t, "last", `CREATE TABLE booked (span int4range, EXCLUDE USING gist (span WITH &&))`)
	c.exec(t, "postgres",
		`BEGIN; LOCK pg_constraint, pg_extension, pg_depend, pg_collation; PREPARE TRANSACTION 'catalogs'`)
	connect := func(ctx context.Context, database string) (*pgx.Conn, error) { // which makes nothing
		return pgx.Connect(ctx, "host="+c.Dir+" user=boss dbname="+cmp.Or(database, "template1"))
	}
	deep := verify.Deep{Superuser: connect, Connect: connect, Workers: 2}
	outcomes, err := deep.Run(t.Context(), []string{"invalid_indexes", "collations", "extensions", "unique_keys"},
		10*time.Minute)
	require.NoError(t, err)
	found, notes := map[string]verify.Outcome{}, map[string]string{}
	for _, o := range outcomes {
		found[o.Check], notes[o.Check] = o, strings.Join(o.Notes, "\n")
	}
	o := found["invalid_indexes"]
	assert.Equal(t, reason.IndexCorrupt, o.Reason, o.Sentence)
	assert.Contains(t, o.Sentence, "database beside: index public.coded_code of table public.coded is invalid")
	o = found["unique_keys"]
	assert.Equal(t, verify.Passed, o.Status, o.Sentence)
	assert.Contains(t, notes["unique_keys"], "database last: 1 exclusion constraints were not asked")

	const timeout = ": canceling statement due to lock timeout (SQLSTATE 55P03)"
	if strings.Contains(notes["invalid_indexes"], "left out") { // 18 opens hardly a table without pg_constraint
		assert.Contains(t, notes["invalid_indexes"], "database postgres is left out of the deeper checks"+timeout)
		assert.NotContains(t, notes["invalid_indexes"], "database beside")
		return
	}
	for check, words := range map[string]string{
		"invalid_indexes": "indexes were not looked at", "collations": "collations were not looked at",
		"extensions": "extensions were not looked at", "unique_keys": "exclusion constraints were not looked for",
	} {
		assert.Contains(t, notes[check], "database postgres: "+words+timeout)
		assert.NotContains(t, notes[check], "database beside: "+words)
	}
	assert.Contains(t, found["extensions"].Sentence, "extensions of 3 databases")
	assert.Contains(t, notes["unique_keys"], "index public.dear_price_key in database postgres could not be looked at")
}
