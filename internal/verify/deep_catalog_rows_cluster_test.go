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

// What others in the catalogs name and is gone is found, each rule by itself; a database with all that there may be
// keeps every one of them.
func TestLostRows_Catalogs(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t, "autovacuum=off", "max_prepared_transactions=2", "allow_system_table_mods=on")
	c.exec(t, "postgres",
		`CREATE ROLE app LOGIN`, `CREATE ROLE idle`, `CREATE DATABASE shop OWNER app`, `CREATE DATABASE gone`,
		`ALTER DATABASE gone SET search_path = x`, `DROP DATABASE gone`, `CREATE ROLE former`, `DROP ROLE former`,
		`CREATE TABLE parent (id int PRIMARY KEY, w text UNIQUE DEFERRABLE, big text)`,
		`CREATE TABLE child (id int PRIMARY KEY DEFAULT 1, p int REFERENCES parent ON DELETE CASCADE,
			n int CHECK (n > 0), g int GENERATED ALWAYS AS (n + 1) STORED, CONSTRAINT ordered CHECK (n > id))`,
		`CREATE TABLE heir (more int DEFAULT 5) INHERITS (child)`,
		`CREATE TABLE parted (id int NOT NULL, at date, PRIMARY KEY (id, at), CHECK (id > 0)) PARTITION BY RANGE (at)`,
		`CREATE TABLE part PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
		`CREATE INDEX only_parent ON ONLY parted (at)`, // not valid until each part has one
		`CREATE TABLE many (p int REFERENCES parent, at date, f int, FOREIGN KEY (f, at) REFERENCES parted (id, at))
			PARTITION BY HASH (p)`,
		`CREATE TABLE many0 PARTITION OF many FOR VALUES WITH (modulus 2, remainder 0)`,
		`ALTER TABLE many DETACH PARTITION many0`,
		`CREATE TYPE pair AS (a int, b text)`, `CREATE DOMAIN positive AS int CHECK (value > 0)`,
		`CREATE VIEW seen AS SELECT id FROM child`, `CREATE MATERIALIZED VIEW kept AS SELECT * FROM seen`,
		`CREATE SEQUENCE alone`, `CREATE TABLE dropping (a int DEFAULT 1, b int DEFAULT 2)`,
		`ALTER TABLE dropping DROP COLUMN a`, `CREATE TABLE nothing ()`,
		`CREATE TEMP TABLE passing (id int PRIMARY KEY)`,
		`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
		`CREATE CONSTRAINT TRIGGER c AFTER INSERT ON parent DEFERRABLE FOR EACH ROW EXECUTE FUNCTION f()`,
		`CREATE TRIGGER plain AFTER INSERT ON parent FOR EACH ROW EXECUTE FUNCTION f()`,
		`ALTER TABLE dropping ADD CONSTRAINT later CHECK (b > 0) NOT VALID`,
		`REINDEX TABLE CONCURRENTLY child`, `CREATE TABLE rewritten (id int PRIMARY KEY)`, `VACUUM FULL rewritten`,
		`ALTER TABLE rewritten ALTER id TYPE bigint`,
		`BEGIN; CREATE TABLE undone (id int PRIMARY KEY DEFAULT 1); ROLLBACK`,
	)
	deep := verify.Deep{Connect: c.connect, Superuser: c.connect, Workers: 2}
	look := func() verify.Outcome {
		outcomes, err := deep.Run(t.Context(), []string{"lost_rows"}, time.Minute)
		require.NoError(t, err)
		for _, o := range outcomes {
			if o.Check == "lost_rows" {
				return o
			}
		}
		return verify.Outcome{}
	}
	o := look()
	require.Equal(t, verify.Passed, o.Status, o.Sentence)
	assert.Empty(t, o.Notes)
	c.exec(t, "postgres", `BEGIN; LOCK pg_sequence; PREPARE TRANSACTION 'held'`)
	o = look()
	assert.Equal(t, verify.Passed, o.Status, o.Sentence)
	assert.Contains(t, strings.Join(o.Notes, ""), "database postgres: the catalogs could not be looked at")
	c.exec(t, "postgres", `ROLLBACK PREPARED 'held'`)
	for _, lost := range []struct{ catalog, which, words string }{
		{"pg_database", "datname = 'shop'", "database with OID "},
		{"pg_authid", "rolname = 'app'", "role with OID "},
		{"pg_class", "relname = 'nothing'", "public.nothing is named by pg_attribute, pg_type, and not in pg_class"},
		{
			"pg_attrdef", "adrelid = 'dropping'::regclass",
			"column b of public.dropping has a default, and pg_attrdef does not know which",
		},
		{"pg_constraint", "conname = 'c'", "a constraint of public.parent is gone from pg_constraint, and its trigger"},
		{
			"pg_constraint", "conrelid = 'rewritten'::regclass AND contype = 'p'",
			"the primary key of public.rewritten is gone from pg_constraint",
		},
		{
			"pg_constraint", "conrelid = 'child'::regclass AND conname = 'ordered'",
			"public.child has 2 CHECK constraints, and 1 are in pg_constraint",
		},
	} {
		where := lost.catalog + " WHERE " + lost.which
		c.exec(t, "postgres", `CREATE TABLE aside AS SELECT * FROM `+where, `DELETE FROM `+where)
		o = look()
		assert.Equal(t, verify.Failed, o.Status, lost.words)
		assert.Equal(t, reason.PageChecksum, o.Reason)
		assert.Contains(t, o.Sentence, lost.words)
		c.exec(t, "postgres", `INSERT INTO `+lost.catalog+` SELECT * FROM aside`, `DROP TABLE aside`)
	}
}
