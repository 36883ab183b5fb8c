package acceptance

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"veza.fr/recovery/internal/source"
)

// lived is a cluster whose configuration says where it lived, in backups of their own, and whose roles and
// databases are as no installer leaves them, at restore points. In the end its primary is given more connections.
var lived = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 1000}, "lived")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	s, err := c.settle(ctx, "lived", marks,
		func() error { return c.sql(ctx, "postgres", `CREATE DATABASE app`, `CREATE ROLE boss SUPERUSER LOGIN`) },
		func() error { return c.sql(ctx, "app", tenants...) },
		func() error { return c.confBackups(ctx) },
		func() error { c.user = "boss"; return c.oddStates(ctx) },
		func() error { c.user = "postgres"; return c.archive(ctx) },
		func() error { return c.placesForOrigins(ctx) },
		func() error { return c.Stop(ctx) },
		func() error { c.Settings = append(c.Settings, "max_connections=300"); return c.Start(ctx) },
		func() error { return c.sql(ctx, "postgres", origins...) },
		func() error { return c.grow(ctx) },
	)
	if err == nil {
		for i, stage := range confStages {
			s.names[stage.name] = s.backups[len(s.backups)-len(confStages)+i].Label
		}
	}
	return liveSeed{c, s}, err
})

// placesForOrigins has the next start leave room for them, by whatever name the server knows.
func (c *cluster) placesForOrigins(ctx context.Context) error {
	conn, err := c.connect(ctx, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	var own bool
	const query = `SELECT EXISTS (SELECT FROM pg_settings WHERE name = 'max_active_replication_origins')`
	if err = conn.QueryRow(ctx, query).Scan(&own); err != nil {
		return err
	}
	name := "max_replication_slots"
	if own {
		name = "max_active_replication_origins"
	}
	c.Settings = append(c.Settings, name+"=40")
	return nil
}

// origins are more than a server has places for by default: of a subscriber with that many subscriptions.
var origins = []string{
	`SELECT pg_replication_origin_create('origin ' || i) FROM generate_series(1, 14) i`,
	`SELECT pg_replication_origin_advance('origin ' || i, '0/1') FROM generate_series(1, 14) i`,
	`SELECT pg_create_restore_point('many_origins')`,
}

// tenants are tables that are found, and views that answer, with the settings of production alone.
var tenants = []string{
	`CREATE SCHEMA shop`, `CREATE TABLE shop.goods (id int PRIMARY KEY, day text)`,
	`INSERT INTO shop.goods SELECT i, '25/12/2025' FROM generate_series(1, 50) i`,
	`CREATE TABLE users (id int)`, `INSERT INTO users SELECT generate_series(1, 10)`,
	`CREATE TABLE "日本" (id int PRIMARY KEY)`, `ALTER DATABASE app SET client_encoding = 'LATIN1'`,
}

// confStage is what the configuration says when a backup is taken.
type confStage struct{ name, conf, auto string }

var confStages = []confStage{
	{name: "untouched"},
	{
		name: "needed", conf: "include_dir 'conf.d'\nsearch_path = 'nowhere'\ndatestyle = 'SQL, DMY'\n" +
			"max_stack_depth = '7MB'",
		auto: "search_path = '\"$user\", shop, public'",
	},
	{
		name: "refused",
		conf: "a_setting_of_tomorrow = on\ntimezone_abbreviations = 'Nowhere'\nlc_time = 'xx_XX.UTF-8'\nport = 1",
		auto: "timezone = 'US/Pacific-Ancient'",
	},
	{name: "target", conf: "recovery_target = 'immediate'\nrecovery_min_apply_delay = '1h'\nzero_damaged_pages = on"},
	{name: "follows", conf: "recovery_target_timeline = 'latest'\nrecovery_target = ''\nzero_damaged_pages = off"},
	{name: "garbled_conf", conf: "what is this"},
	{name: "outside", conf: "hba_file = '/etc/postgresql/pg_hba.conf'\ninclude '/etc/postgresql/more.conf'"},
}

// confBackups takes a backup with each. The cluster itself goes on with what it had.
func (c *cluster) confBackups(ctx context.Context) error {
	dir := filepath.Join(c.data(), "conf.d")
	write := fmt.Sprintf("mkdir %[1]s && echo \"app.tenant = 'north'\" >%[1]s/a.conf", dir)
	if err := c.command(ctx, "sh", "-c", write); err != nil {
		return err
	}
	for _, stage := range confStages {
		var undo []func() error
		for file, text := range map[string]string{"postgresql.conf": stage.conf, "postgresql.auto.conf": stage.auto} {
			path := filepath.Join(c.data(), file)
			before, err := c.Machine.Read(ctx, path)
			if err != nil {
				return err
			}
			if err = c.Machine.Put(ctx, path, []byte(string(before)+text+"\n"), 0o600, ""); err != nil {
				return err
			}
			undo = append(undo, func() error { return c.Machine.Put(ctx, path, before, 0o600, "") })
		}
		if err := c.Pgbackrest(ctx, "backup", "--type=incr"); err != nil {
			return fmt.Errorf("%s: %w", stage.name, err)
		}
		if err := inOrder(undo...); err != nil {
			return err
		}
	}
	return nil
}

// oddStates are states of roles and databases, by the restore point of each; one session makes and undoes them.
var oddStates = []defect{
	{
		"no_superuser", "postgres",
		// From 16 on ALTER ROLE refuses it; a cluster that was upgraded has it.
		[]string{`UPDATE pg_authid SET rolsuper = false WHERE rolname = 'postgres'`},
		[]string{`ALTER ROLE postgres SUPERUSER`},
	},
	{
		"nobody_logs_in", "postgres",
		[]string{`ALTER ROLE postgres NOLOGIN`, `ALTER ROLE boss NOLOGIN`},
		[]string{`ALTER ROLE postgres LOGIN`, `ALTER ROLE boss LOGIN`},
	},
	{
		"no_front_door", "app",
		[]string{`UPDATE pg_database SET datallowconn = false WHERE datname IN ('postgres', 'template1')`},
		[]string{`UPDATE pg_database SET datallowconn = true WHERE datname IN ('postgres', 'template1')`},
	},
	{
		"one_locale", "postgres",
		[]string{`UPDATE pg_database SET datcollate = 'xx_XX.UTF-8' WHERE datname = 'app'`},
		[]string{`UPDATE pg_database SET datcollate = 'C' WHERE datname = 'app'`},
	},
	{
		"one_locale_and_a_finding", "postgres",
		[]string{
			`UPDATE pg_database SET datcollate = 'xx_XX.UTF-8' WHERE datname = 'app'`,
			`CREATE TABLE ticket (id serial PRIMARY KEY)`, `INSERT INTO ticket DEFAULT VALUES`,
			`INSERT INTO ticket VALUES (900)`,
		},
		[]string{`UPDATE pg_database SET datcollate = 'C' WHERE datname = 'app'`, `DROP TABLE ticket`},
	},
	{
		"every_locale", "postgres",
		[]string{`UPDATE pg_database SET datcollate = 'yy_YY.UTF-8'`},
		[]string{`UPDATE pg_database SET datcollate = 'C'`},
	},
}

func (c *cluster) oddStates(ctx context.Context) error {
	for _, d := range oddStates {
		point := fmt.Sprintf(`SELECT pg_create_restore_point('%s')`, d.point)
		statements := slices.Concat([]string{`SET allow_system_table_mods = on`}, d.inject, []string{point}, d.undo)
		if err := c.sql(ctx, d.database, statements...); err != nil {
			return fmt.Errorf("%s: %w", strings.ReplaceAll(d.point, "_", " "), err)
		}
	}
	return nil
}

// bigSegments is a cluster with WAL segments of 64 MB.
var bigSegments = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 1000, Initdb: []string{"--wal-segsize=64"}}, "segments")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	s, err := c.settle(ctx, "segments", marks,
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
	)
	return liveSeed{c, s}, err
})

// minimalWAL is a cluster whose wal_level was minimal for a while, within one segment, so that none is missing.
var minimalWAL = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	nobody := []string{"max_wal_senders=0"} // else there is no starting with it
	c, err := newCluster(ctx, &source.Seeded{Rows: 1000, Settings: nobody}, "minimalwal")
	if err != nil {
		return liveSeed{}, err
	}
	again := func(statements ...string) func() error {
		return func() error {
			return inOrder(
				func() error { return c.sql(ctx, "postgres", statements...) },
				func() error { return c.Stop(ctx) },
				func() error { return c.Start(ctx) },
			)
		}
	}
	s, err := c.settle(ctx, "minimalwal", map[string]mark{},
		again(`ALTER SYSTEM SET archive_mode = off`, `ALTER SYSTEM SET wal_level = minimal`),
		again(`CREATE TABLE loaded AS SELECT 1`, `ALTER SYSTEM SET archive_mode = on`, `ALTER SYSTEM RESET wal_level`),
		func() error { return c.grow(ctx) },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=full") },
		func() error { return c.grow(ctx) },
	)
	if err == nil {
		s.names["before"] = s.backups[len(s.backups)-2].Label
	}
	return liveSeed{c, s}, err
})
