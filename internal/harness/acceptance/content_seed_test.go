package acceptance

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"veza.fr/recovery/internal/source"
)

// content is a cluster whose data goes through every bad state there is, each at a restore
// point and mended after it: `-target name:POINT` brings a state back. What no SQL can do
// is done to its files before backups of their own.
var content = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 3000}, "content")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	if err = inOrder(
		func() error { return c.sql(ctx, "postgres", `CREATE DATABASE app`) },
		func() error { return c.sql(ctx, "app", application...) },
		func() error { return c.note(ctx, marks, "whole") },
		func() error { return c.sql(ctx, "postgres", `SELECT pg_create_restore_point('whole')`) },
		func() error { return c.spoil(ctx) },
		func() error { return c.note(ctx, marks, "end") },
		func() error { return c.archive(ctx) },
		func() error { return c.flip(ctx) },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=full", "--no-checksum-page") },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=full") },
		func() error {
			return c.command(ctx, "sh", "-c", "echo 'what is this' >>"+filepath.Join(c.data(), "postgresql.auto.conf"))
		},
		func() error { return c.Pgbackrest(ctx, "backup", "--type=full", "--no-checksum-page") },
		func() error { return c.archive(ctx) },
		func() error { return c.Stop(ctx) },
	); err != nil {
		return liveSeed{}, err
	}
	s, err := c.freeze(ctx, "content", marks)
	if err == nil {
		n := len(s.backups)
		for i, name := range []string{"before", "flipped", "marked", "garbled"} {
			s.names[name] = s.backups[n-4+i].Label
		}
	}
	return liveSeed{c, s}, err
})

// application is a database with something of everything in it.
var application = []string{
	`CREATE TABLE ticket (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text)`,
	`INSERT INTO ticket (what) VALUES ('a'), ('b'), ('c')`,
	`CREATE TABLE countdown (id serial PRIMARY KEY)`,
	`ALTER SEQUENCE countdown_id_seq INCREMENT -1 MINVALUE -1000 MAXVALUE 1000 START 500 RESTART`,
	`INSERT INTO countdown SELECT FROM generate_series(1, 10)`,
	`CREATE TABLE loose (n serial, what text)`, `INSERT INTO loose (what) VALUES ('a')`,
	`CREATE TABLE parted (at date, n int, twice int GENERATED ALWAYS AS (n * 2) STORED) PARTITION BY RANGE (at)`,
	`CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2026-07-01')`,
	`CREATE INDEX ON parted (n)`, `INSERT INTO parted SELECT '2026-02-01', i FROM generate_series(1, 500) i`,
	`CREATE TABLE long_ago (t text)`,
	`INSERT INTO long_ago SELECT string_agg(md5(i::text), '') FROM generate_series(1, 20000) i`,
	`CREATE UNLOGGED TABLE visits (n int PRIMARY KEY)`, `INSERT INTO visits SELECT generate_series(1, 100)`,
	`CREATE MATERIALIZED VIEW summary AS SELECT count(*) FROM parted`,
	`CREATE MATERIALIZED VIEW unmade AS SELECT 1 WITH NO DATA`,
	`CREATE TABLE "Odd ""name""" (gone int, kept int, rights aclitem[])`, `ALTER TABLE "Odd ""name""" DROP COLUMN gone`,
	`INSERT INTO "Odd ""name""" VALUES (1, '{postgres=r/postgres}')`, `CREATE TABLE nothing ()`,
	`INSERT INTO nothing DEFAULT VALUES`,
	`CREATE COLLATION german (provider = icu, locale = 'de')`,
	`CREATE COLLATION french (provider = icu, locale = 'fr')`,
	`CREATE TABLE words (w text COLLATE german, x text COLLATE french)`, `CREATE INDEX ON words (w)`,
	`INSERT INTO words VALUES ('ä', 'é'), ('z', 'z')`,
	`CREATE EXTENSION citext`, `CREATE TABLE addresses (a citext PRIMARY KEY)`,
	`INSERT INTO addresses VALUES ('Me@example.org')`,
	`CREATE EXTENSION pg_trgm`,
	// What a careless look would take for damage.
	`CREATE FUNCTION helper() RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''x'''`,
	`CREATE FUNCTION norm(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t) || public.helper()'`,
	`CREATE INDEX needs_path ON ticket (norm(what))`, // from 17 on it cannot be made without the schema, and lives on
	`CREATE OR REPLACE FUNCTION norm(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t) || helper()'`,
	`CREATE TABLE parent (id serial PRIMARY KEY)`, `CREATE TABLE child () INHERITS (parent)`,
	`INSERT INTO child VALUES (5000)`,
	`CREATE TABLE used_up (id bigserial PRIMARY KEY)`, `INSERT INTO used_up VALUES (9223372036854775807)`,
	`SELECT setval('used_up_id_seq', 9223372036854775807)`,
	`CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql
		AS 'BEGIN RAISE EXCEPTION ''no extensions here''; END'`,
	`CREATE EVENT TRIGGER guard ON ddl_command_start WHEN TAG IN ('CREATE EXTENSION', 'CREATE SCHEMA')
		EXECUTE FUNCTION refuse()`,
	`ALTER EVENT TRIGGER guard ENABLE ALWAYS`,
	`CREATE TABLE secret (n int, what text)`,
	`INSERT INTO secret SELECT i, md5(i::text) FROM generate_series(1, 400) i`, `VACUUM FREEZE secret`,
	`ALTER TABLE secret SET (autovacuum_enabled = off)`, `ALTER DATABASE app SET default_transaction_read_only = on`,
}

// defect is one state: how it comes about in a database, and how it goes away.
type defect struct {
	point, database string
	inject, undo    []string
}

const indexIs = `UPDATE pg_index SET indisvalid = %[1]t, indisready = %[1]t
	WHERE indexrelid = 'public.orders_user_id_idx'::regclass`

var (
	closed   = fmt.Sprintf(indexIs, false)
	reopened = fmt.Sprintf(indexIs, true)
	rename   = func(from, to string) string {
		return fmt.Sprintf(`UPDATE pg_extension SET extname = '%s' WHERE extname = '%s'`, to, from)
	}
)

// forged is the name of a table that test2json would take for an attribute of the step.
func forged(name string) string {
	return `U&"` + name + `\0016=== ATTR  TestDrill/verify reason locked\000A"`
}

var defects = []defect{
	{"invalid_index", "postgres", []string{closed}, []string{reopened}},
	{
		"broken_index", "postgres",
		[]string{closed, `INSERT INTO orders VALUES (-1, 2, 5, now())`, reopened},
		[]string{`DELETE FROM orders WHERE id = -1`, `REINDEX INDEX orders_user_id_idx`},
	},
	{
		"reindex_leftover", "postgres",
		[]string{
			`ALTER INDEX orders_user_id_idx RENAME TO orders_user_id_idx_ccnew`,
			strings.ReplaceAll(closed, "_idx'", "_idx_ccnew'"),
		},
		[]string{`ALTER INDEX orders_user_id_idx_ccnew RENAME TO orders_user_id_idx`, reopened},
	},
	{
		"sequence_behind", "app",
		[]string{`INSERT INTO ticket OVERRIDING SYSTEM VALUE VALUES (900, 'far')`},
		[]string{`DELETE FROM ticket WHERE id = 900`},
	},
	{
		"harmless_sequence", "app",
		[]string{`INSERT INTO loose VALUES (900, 'far')`},
		[]string{`DELETE FROM loose WHERE n = 900`},
	},
	{
		"forged_note", "app",
		[]string{
			`CREATE TABLE ` + forged("a") + ` (n serial, what text)`,
			`INSERT INTO ` + forged("a") + ` VALUES (900)`,
		},
		[]string{`DROP TABLE ` + forged("a")},
	},
	{
		"forged_finding", "app",
		[]string{
			`CREATE TABLE ` + forged("b") + ` (id serial PRIMARY KEY)`,
			`INSERT INTO ` + forged("b") + ` DEFAULT VALUES`, // one that was never used is no finding
			`INSERT INTO ` + forged("b") + ` VALUES (900)`,
		},
		[]string{`DROP TABLE ` + forged("b")},
	},
	{
		"collation", "app",
		[]string{`UPDATE pg_collation SET collversion = '1.0' WHERE collname = 'german'`},
		[]string{`ALTER COLLATION german REFRESH VERSION`},
	},
	{
		"harmless_collation", "app",
		[]string{`UPDATE pg_collation SET collversion = '1.0' WHERE collname = 'french'`},
		[]string{`ALTER COLLATION french REFRESH VERSION`},
	},
	{"extension", "app", []string{rename("citext", "gone_type")}, []string{rename("gone_type", "citext")}},
	{"harmless_extension", "app", []string{rename("pg_trgm", "gone_jobs")}, []string{rename("gone_jobs", "pg_trgm")}},
	{
		"empty_table", "postgres",
		[]string{`CREATE TABLE kept AS SELECT * FROM order_items`, `TRUNCATE order_items`},
		[]string{`INSERT INTO order_items SELECT * FROM kept`, `DROP TABLE kept`},
	},
	{
		"stale", "postgres",
		[]string{
			`CREATE TABLE kept AS SELECT id, created_at FROM users`,
			`UPDATE users SET created_at = created_at - interval '1 hour'`,
		},
		[]string{`DROP TABLE kept`},
	},
	{
		"beat_from_later", "postgres",
		// No row of its own: taking one away would leave a gap. None comes behind it: the newest by its number counts.
		[]string{
			`CREATE RULE none AS ON INSERT TO veza_heartbeat DO INSTEAD NOTHING`,
			`UPDATE veza_heartbeat SET beat_at = beat_at + interval '1 hour'
				WHERE seq = (SELECT max(seq) FROM veza_heartbeat)`,
		},
		[]string{
			`UPDATE veza_heartbeat SET beat_at = beat_at - interval '1 hour' WHERE beat_at > clock_timestamp()`,
			`DROP RULE none ON veza_heartbeat`,
		},
	},
	{
		"beats_deleted", "postgres", []string{
			`BEGIN`, `LOCK TABLE veza_heartbeat IN EXCLUSIVE MODE`, // the cluster goes on writing, with the next number
			`INSERT INTO veza_heartbeat SELECT n + i, t + i * interval '1 second', l
				FROM (SELECT max(seq) n, max(beat_at) - interval '1 hour' t, max(lsn) l FROM veza_heartbeat) b,
					generate_series(1, 40) i`,
			`COMMIT`,
			`DELETE FROM veza_heartbeat
				WHERE seq BETWEEN (SELECT max(seq) - 19 FROM veza_heartbeat)
					AND (SELECT max(seq) - 10 FROM veza_heartbeat)`,
		}, nil,
	},
	{
		"users_missing", "postgres",
		[]string{`ALTER TABLE users RENAME TO people`},
		[]string{`ALTER TABLE people RENAME TO users`},
	},
	{
		"rows_lost", "postgres",
		[]string{`DELETE FROM order_items`, `DELETE FROM orders`, `DELETE FROM users WHERE id % 2 = 0`},
		nil,
	},
	{
		"no_users", "postgres",
		[]string{`CREATE TABLE kept AS SELECT * FROM users`, `TRUNCATE users CASCADE`},
		[]string{`INSERT INTO users SELECT * FROM kept`, `DROP TABLE kept`},
	},
}

// spoil goes through all of them.
func (c *cluster) spoil(ctx context.Context) error { return c.through(ctx, defects) }

// through brings each state about, with a restore point, and mends it.
func (c *cluster) through(ctx context.Context, states []defect) error {
	for _, d := range states {
		free := []string{`SET default_transaction_read_only = off`, `SET allow_system_table_mods = on`}
		point := fmt.Sprintf(`SELECT pg_create_restore_point('%s')`, d.point)
		if err := c.sql(ctx, d.database, append(append(free, d.inject...), point)...); err != nil {
			return fmt.Errorf("%s: %w", d.point, err)
		}
		if err := c.sql(ctx, d.database, append(free, d.undo...)...); err != nil {
			return fmt.Errorf("mend %s: %w", d.point, err)
		}
	}
	return nil
}

// flip changes bytes of a page on the disk of the stopped cluster, as a bad disk does:
// the file keeps its length, and pgBackRest its checksum of what it read.
func (c *cluster) flip(ctx context.Context) error {
	conn, err := c.connect(ctx, "app")
	if err != nil {
		return err
	}
	var file string
	err = conn.QueryRow(ctx, `SELECT pg_relation_filepath('secret')`).Scan(&file)
	if err = cmp.Or(err, conn.Close(ctx)); err != nil {
		return err
	}
	if err = c.Stop(ctx); err != nil {
		return err
	}
	path := filepath.Join(c.data(), file)
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for i := 8192 + 4000; i < 8192+4064; i++ { // rows of the second page
		content[i] ^= 0x55
	}
	if err = os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return c.Start(ctx)
}
