package verify_test

import (
	"strings"
	"testing"
	"time"

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
