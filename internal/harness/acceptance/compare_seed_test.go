package acceptance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/harness/damage"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/wait"
)

// compared is a cluster without checksums, with a standby that has what was there, and backups that each have
// something else: a differential backup for each loss. Its primary is gone, so that the standby stays where the archive
// ends.
var compared = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 1000}, "compared")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	err = inOrder(
		func() error { return c.withoutChecksums(ctx) },
		func() error {
			return c.sql(ctx, "postgres", `ALTER SYSTEM SET autovacuum = off`, `SELECT pg_reload_conf()`,
				`CREATE DATABASE kept`)
		},
		func() error { return c.sql(ctx, "kept", comparedTables...) },
		func() error { return c.sql(ctx, "postgres", guests...) },
		func() error { return c.Follow(ctx) },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=full", "--no-expire-auto") },
		func() error { return c.sql(ctx, "kept", `SELECT count(nextval('worn')) FROM generate_series(1, 5)`) },
		func() error {
			for _, l := range unlike {
				if failed := c.lose(ctx, l); failed != nil {
					return fmt.Errorf("%s: %w", l.name, failed)
				}
			}
			return nil
		},
		func() error { return c.grow(ctx) },
		func() error { return c.note(ctx, marks, "end") },
		func() error { return c.endAtABorder(ctx) },
		func() error { return c.standbys(ctx) },
	)
	if err != nil {
		return liveSeed{c, nil}, err
	}
	s, err := c.freeze(ctx, "compared", marks)
	if err == nil {
		for i, l := range unlike {
			s.names[l.name] = s.backups[len(s.backups)-len(unlike)+i].Label
		}
		s.names["standby"] = c.socket()
	}
	return liveSeed{c, s}, err
})

// comparedTables hold something of every kind. Of the sequence worn, values are handed out that are in no WAL.
var comparedTables = []string{
	`CREATE TYPE mood AS ENUM ('low', 'high')`, `CREATE TYPE pair AS (m mood, n int)`,
	`CREATE DOMAIN feeling AS mood`, `CREATE ROLE reader`,
	`CREATE TABLE kinds (id int PRIMARY KEY, r regclass, p regproc[], m mood, f feeling, ms mood[], b pair, a aclitem[],
		d bytea, t timestamptz, g float8, n numeric, j jsonb, i interval, x xml, y money, e text[], v int4range)`,
	`INSERT INTO kinds SELECT i, 'pg_class', ARRAY['now', 'pg_backend_pid']::regproc[], 'low'::mood, 'high'::feeling,
		'{low,NULL}'::mood[], ROW('low'::mood, i)::pair, '{reader=r/postgres}'::aclitem[], '\x00ff'::bytea, now(),
		random(), i / 7.0, '{"a": 1}', '1 day', '<a/>', 3::money, ARRAY['x'], '[1,5)'
		FROM generate_series(1, 100) i`,
	`CREATE TABLE note (id int PRIMARY KEY, body text)`,
	`INSERT INTO note SELECT i, 'note number ' || i FROM generate_series(1, 40000) i`,
	`CREATE TABLE document (id int, body text)`, `ALTER TABLE document ALTER body SET STORAGE EXTERNAL`,
	`INSERT INTO document SELECT i, 'outofline' || repeat(md5(i::text), 300) FROM generate_series(1, 50) i`,
	`CREATE MATERIALIZED VIEW summary AS SELECT id, 'summary of ' || id AS body FROM note LIMIT 100`,
	`SELECT lo_from_bytea(4711, 'a large object')`,
	`CREATE SEQUENCE counter`, `SELECT setval('counter', 1111111)`,
	`CREATE SEQUENCE worn`, `SELECT nextval('worn')`,
	`CREATE TABLE vanished (id int)`, `INSERT INTO vanished VALUES (1)`,
	`CREATE TABLE guarded (id int)`, `INSERT INTO guarded VALUES (1)`, `ALTER TABLE guarded ENABLE ROW LEVEL SECURITY`,
	`ALTER TABLE guarded FORCE ROW LEVEL SECURITY`,
	`CREATE UNLOGGED TABLE visits (n int)`, `INSERT INTO visits VALUES (1)`, `CHECKPOINT`,
	`CREATE FUNCTION shout(note) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'the data''s code ran'; END $$`,
	`CREATE CAST (note AS text) WITH FUNCTION shout(note)`,
}

// guests are logins that may compare: one is let into every database, and the other is locked out of one.
var guests = []string{
	`CREATE DATABASE shut`, `REVOKE CONNECT ON DATABASE shut FROM PUBLIC`,
	`CREATE ROLE insider LOGIN BYPASSRLS`, `CREATE ROLE outsider LOGIN BYPASSRLS`,
	`GRANT pg_read_all_data, pg_read_all_stats TO insider, outsider`, `GRANT CONNECT ON DATABASE shut TO insider`,
	`ALTER ROLE insider SET quote_all_identifiers = on`,
	`GRANT EXECUTE ON FUNCTION pg_wal_replay_pause(), pg_wal_replay_resume() TO insider, outsider`,
}

// unlike are the backups that are not what the standby has, and some that only look so.
var unlike = []loss{
	{name: "same", relation: "note", how: damage.None},
	{name: "onebit", relation: "note", how: damage.Replaced("note number 23456", "note number 03456")},
	{name: "emptied", relation: "note", how: damage.NoPages},
	{name: "cut", relation: "note", how: damage.FourPages},
	{name: "zeroed", relation: "note", how: damage.ZeroPages},
	{name: "outofline", relation: toast, how: damage.Replaced("outofline", "OUTOFLINE")},
	{name: "view", relation: "summary", how: damage.Replaced("summary of 77", "summary of 78")},
	{name: "largeobject", relation: "pg_largeobject", how: damage.Replaced("a large object", "a small object")},
	{name: "setback", relation: "counter", how: damage.SetBack(1111111, 1111110)},
	{name: "vanished", relation: "pg_class", how: damage.DeadRow("vanished")},
	{name: "index", relation: "note_pkey", how: damage.ZeroPages},
	{name: "nosequence", relation: "counter", how: damage.ZeroFirst},
	{name: "catalog", relation: "pg_class", how: damage.NoHeader},
	{name: "notread", relation: "note"},
}

// withoutChecksums has no page tell that it was changed.
func (c *cluster) withoutChecksums(ctx context.Context) error {
	return inOrder(
		func() error { return c.Stop(ctx) },
		func() error {
			return c.command(ctx, filepath.Join(c.BinDir, "pg_checksums"), "--disable", "--no-sync", "-D", c.data())
		},
		func() error { return c.Start(ctx) },
	)
}

// endAtABorder ends the primary without another record behind what is archived, once its standby has all of that.
func (c *cluster) endAtABorder(ctx context.Context) error {
	for try := 1; ; try++ {
		if err := c.archive(ctx); err != nil {
			return err
		}
		at, err := c.replayed(ctx)
		if err != nil {
			return err
		}
		if err = c.command(ctx, filepath.Join(c.BinDir, "pg_ctl"), "stop", "-s", "-w", "-m", "immediate", "-D",
			c.data()); err != nil {
			return err
		}
		if at == 0 || try == 5 {
			return nil
		}
		if err = c.Start(ctx); err != nil {
			return err
		}
	}
}

// replayed is how far behind the border of a segment the standby is, once it has replayed all there is.
func (c *cluster) replayed(ctx context.Context) (behind int64, err error) {
	primary, err := c.connect(ctx, "postgres")
	if err != nil {
		return 0, err
	}
	defer primary.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	config, err := c.Standby()
	if err != nil {
		return 0, err
	}
	standby, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return 0, err
	}
	defer standby.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	bound, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	const query = `SELECT pg_last_wal_replay_lsn()::text,
		mod(pg_last_wal_replay_lsn() - '0/0', 16777216)::bigint`
	err = wait.For(bound, "the standby", 20*time.Millisecond, func(ctx context.Context) error {
		var at, replayed string
		if failed := cmp.Or(primary.QueryRow(ctx, `SELECT pg_current_wal_lsn()::text`).Scan(&at),
			standby.QueryRow(ctx, query).Scan(&replayed, &behind)); failed != nil {
			return wait.Stop(failed)
		}
		if at != replayed {
			return errors.New(replayed + ", not " + at)
		}
		return nil
	})
	return behind, err
}

// standbys starts copies of the standby: one that an operator has paused, and one that was promoted.
func (c *cluster) standbys(ctx context.Context) error {
	dir := c.Machine.Dir("data")
	if err := c.StopStandby(ctx); err != nil {
		return err
	}
	for port, after := range map[int]string{
		5434: `SELECT pg_wal_replay_pause()`, 5435: `SELECT pg_promote()`,
	} {
		data := filepath.Join(dir, fmt.Sprint("standby", port))
		options := fmt.Sprintf("-c port=%d -c unix_socket_directories=%s -c archive_mode=off -c fsync=off "+
			"-c listen_addresses='' -c primary_conninfo=''", port, c.socket())
		if err := inOrder(
			func() error { return c.command(ctx, "cp", "-a", filepath.Join(dir, "standby"), data) },
			func() error {
				return c.command(ctx, filepath.Join(c.BinDir, "pg_ctl"), "start", "-s", "-w", "-D", data,
					"-l", data+".log", "-o", options)
			},
			func() error {
				config, err := c.Standby()
				if err != nil {
					return err
				}
				config.Port = uint16(port)
				conn, err := pgx.ConnectConfig(ctx, config)
				if err != nil {
					return err
				}
				defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
				return source.Each(ctx, conn, []string{after})
			},
		); err != nil {
			return err
		}
	}
	return c.StartStandby(ctx)
}
