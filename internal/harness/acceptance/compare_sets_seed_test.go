package acceptance

import (
	"context"
	"path/filepath"
	"sync"

	"veza.fr/recovery/internal/harness/damage"
	"veza.fr/recovery/internal/source"
)

// sets is a cluster without checksums that has lived between its backups: a full with differential and incremental ones
// behind it, a second full whose copy of one file is another, and what is right again behind that. Each backup has a
// name, in the order they were taken.
var sets = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 1000}, "sets")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	steps := []struct {
		name, kind string
		lived      []string // what happens in database kept before it
		lose       loss
	}{
		{name: "oldest", kind: "full"},
		{name: "diff", kind: "diff", lived: life},
		{name: "incr", kind: "incr", lived: life},
		{
			name: "incrbit", kind: "incr",
			lose: loss{relation: "note", how: damage.Replaced("number 23456", "number 03456")},
		},
		{name: "noentry", kind: "diff", lose: loss{relation: fileMap}},
		{
			name: "fullbit", kind: "full",
			lose: loss{relation: "note", how: damage.Replaced("number 34567", "number 04567")},
		},
		{name: "after", kind: "diff", lived: life},
		{name: "lastfull", kind: "full", lived: comparer},
		{name: "byrole", kind: "incr", lived: life},
		{name: "serializable", kind: "incr", lived: []string{
			`ALTER ROLE ALL SET default_transaction_isolation = 'serializable'`,
		}},
	}
	stages := []func() error{
		func() error { return c.withoutChecksums(ctx) },
		func() error {
			return c.sql(ctx, "postgres", `ALTER SYSTEM SET autovacuum = off`, `SELECT pg_reload_conf()`,
				`CREATE DATABASE kept`)
		},
		func() error { return c.sql(ctx, "kept", comparedTables...) },
		func() error { return c.sql(ctx, "kept", codedTables...) },
	}
	for _, s := range steps {
		stages = append(stages,
			func() error { return c.sql(ctx, "kept", append(s.lived, `CHECKPOINT`)...) },
			func() error { return c.backUp(ctx, s.kind, s.lose) },
			func() error { return c.grow(ctx) },
		)
		if s.name == "oldest" {
			stages = append(stages, func() error { return c.placeElsewhere(ctx) })
		}
	}
	s, err := c.settle(ctx, "sets", marks, stages...)
	if err == nil {
		for i, step := range steps {
			s.names[step.name] = s.backups[len(s.backups)-len(steps)+i].Label
			s.names[step.name+".stop"] = s.backups[len(s.backups)-len(steps)+i].Archive.Stop
		}
	}
	return liveSeed{c, s}, err
})

// life is what a production does between two backups; none of it touches what a file is changed in.
var life = []string{
	`CREATE TABLE IF NOT EXISTS lived (id int PRIMARY KEY, body text)`,
	`INSERT INTO lived SELECT last + i, repeat(md5(i::text), 20)
		FROM (SELECT coalesce(max(id), 0) FROM lived) l (last), generate_series(1, 500) i`,
	`UPDATE lived SET body = 'short' WHERE id % 7 = 0`, `DELETE FROM lived WHERE id % 11 = 5 AND body <> 'short'`,
	`SELECT count(nextval('worn')) FROM generate_series(1, 40)`,
	`VACUUM ANALYZE lived`, `CLUSTER lived USING lived_pkey`,
	`REFRESH MATERIALIZED VIEW summary`, `SELECT lo_put(4711, 2, convert_to(clock_timestamp()::text, 'UTF8'))`,
	`CREATE TABLE brief AS SELECT 1 AS n`, `DROP TABLE brief`, `TRUNCATE visits`,
	`DO $$ BEGIN FOR i IN 1..80 LOOP
		BEGIN INSERT INTO guarded VALUES (i); EXCEPTION WHEN others THEN NULL; END; END LOOP;
		END $$`,
}

// codedTables have functions of the data in the expressions of an index: one that never runs for whoever compares,
// or the table is not read. The planner runs it whatever is asked of the table.
var codedTables = []string{
	`CREATE FUNCTION trap() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'`,
	`CREATE FUNCTION lowered(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)'`,
	`CREATE TABLE coded (id int, body text)`,
	`INSERT INTO coded SELECT i, 'Coded ' || i FROM generate_series(1, 5000) i`,
	`CREATE INDEX ON coded (id) WHERE id > trap()`,
	`CREATE TABLE built (id int, body text)`,
	`INSERT INTO built SELECT i, 'Built ' || i FROM generate_series(1, 100) i`,
	`CREATE INDEX ON built (lower(body)) WHERE id > abs(-1)`,
	`CREATE OR REPLACE FUNCTION trap() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
		IF current_setting('application_name') = 'veza-compare' THEN
			RAISE data_corrupted USING MESSAGE = 'the data''s code ran';
		END IF; RETURN 1; END $$`,
}

// comparer is the role that the data may have for comparing.
var comparer = []string{`CREATE ROLE veza_compare LOGIN BYPASSRLS`, `GRANT pg_read_all_data TO veza_compare`}

// fileMap stands for the map of the files of a database's catalogs (pg_filenode.map), without which nobody enters it.
const fileMap = "pg_class and the like"

// backUp takes a backup, with a file that is another one while it is taken where something is to be lost.
func (c *cluster) backUp(ctx context.Context, kind string, l loss) error {
	mend := func() error { return nil }
	var err error
	switch l.relation {
	case "":
	case fileMap:
		path, failed := c.relationFile(ctx, "pg_class")
		if err = failed; err == nil {
			mend, err = damage.Aside(filepath.Join(filepath.Dir(path), "pg_filenode.map"))
		}
	default:
		mend, err = c.loseFile(ctx, l)
	}
	if err != nil {
		return err
	}
	err = c.Pgbackrest(ctx, "backup", "--type="+kind, "--no-expire-auto", "--no-checksum-page")
	return inOrder(mend, func() error { return err })
}

// placeElsewhere makes a tablespace, which the first backup does not know of.
func (c *cluster) placeElsewhere(ctx context.Context) error {
	place := filepath.Join(c.Machine.Dir("data"), "later")
	if err := c.command(ctx, "mkdir", place); err != nil {
		return err
	}
	return c.sql(ctx, "kept", `CREATE TABLESPACE later LOCATION '`+place+`'`,
		`CREATE TABLE placed TABLESPACE later AS SELECT i AS id FROM generate_series(1, 1000) i`)
}
