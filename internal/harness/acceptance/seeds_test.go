package acceptance

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"veza.fr/recovery/internal/source"
)

// One cluster lives through three lives, and its repository is copied after each:
// plain, failed over, hostile. (It is the seeding that costs time.)

// liveSeed is the cluster, and what its last stage left.
type liveSeed struct {
	*cluster
	*seed
}

// plain has a full and a differential backup, six segments after that, and the
// restore point "half" half-way.
var plain = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 5000}, "acceptance")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	if err = inOrder(
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.sql(ctx, "postgres", moreUsers, `SELECT pg_create_restore_point('half')`) },
		func() error { return c.sql(ctx, "postgres", `SELECT pg_create_restore_point('O''Brien\2')`) },
		func() error { return c.note(ctx, marks, "half") },
		func() error { return c.archive(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.sql(ctx, "postgres", moreUsers) },
		func() error { return c.note(ctx, marks, "end") },
		func() error { return c.archive(ctx) },
		func() error { return c.Stop(ctx) },
	); err != nil {
		return liveSeed{}, err
	}
	marks["stopped"] = mark{at: time.Now()} // after every commit: a heartbeat row may have come after "end"
	s, err := c.freeze(ctx, "plain", marks)
	return liveSeed{c, s}, err
})

// failedOver is plain after a promotion: timeline 2, with rows of its own.
var failedOver = sync.OnceValues(func() (liveSeed, error) {
	before, err := plain()
	if err != nil {
		return liveSeed{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	c, marks := before.cluster, map[string]mark{"before": before.marks["end"]}
	if err = inOrder(
		func() error {
			return c.Machine.Put(ctx, filepath.Join(c.data(), "standby.signal"), nil, 0o600, "")
		},
		func() error { return c.Start(ctx) },
		func() error {
			return c.command(ctx, filepath.Join(c.BinDir, "pg_ctl"), "promote", "-s", "-w", "-D", c.data())
		},
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.note(ctx, marks, "end") },
		func() error { return c.Stop(ctx) },
	); err != nil {
		return liveSeed{}, err
	}
	s, err := c.freeze(ctx, "failedover", marks)
	return liveSeed{c, s}, err
})

// hostile is a cluster whose backups carry all that keeps a careless restore from
// coming up. It keeps running, for whoever wants to ask the primary.
var hostile = sync.OnceValues(func() (liveSeed, error) {
	before, err := failedOver()
	if err != nil {
		return liveSeed{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	c, marks := before.cluster, map[string]mark{}
	if err = c.Start(ctx); err != nil {
		return liveSeed{}, err
	}
	if err = c.becomeHostile(ctx); err != nil {
		return liveSeed{}, err
	}
	if err = inOrder(
		func() error { return c.sql(ctx, "postgres", outgoing...) },
		func() error { return c.remove(ctx, "postgresql.conf") },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=full") },
		func() error { return c.grow(ctx) },
		func() error {
			conf := "include 'gone.conf'\ninclude_dir '/nonexistent/conf.d'\n" +
				"shared_preload_libraries = 'gone_too, pg_cron'\n"
			return c.Machine.Put(ctx, filepath.Join(c.data(), "postgresql.conf"), []byte(conf), 0o600, "")
		},
		func() error { return c.Pgbackrest(ctx, "backup", "--type=diff") },
		func() error { return c.grow(ctx) },
		func() error { return c.note(ctx, marks, "end") },
		func() error { return c.sql(ctx, "postgres", roleSettings...) },
		func() error { return c.archive(ctx) },
	); err != nil {
		return liveSeed{}, err
	}
	s, err := c.freeze(ctx, "hostile", marks)
	if err == nil {
		s.names["missingconf"] = s.backups[len(s.backups)-2].Label
		s.names["primary"] = "host=" + c.socket() + " port=5432 user=" + c.user + " dbname=postgres sslmode=disable"
	}
	return liveSeed{c, s}, err
})

func (c *cluster) remove(ctx context.Context, file string) error {
	return c.command(ctx, "rm", filepath.Join(c.data(), file))
}

// hostility is never loaded by the cluster itself: it only travels in its
// postgresql.auto.conf, and takes effect where it is restored (facts B4).
var hostility = []string{
	`synchronous_standby_names = 'nobody'`, // the first commit would wait for ever
	`shared_buffers = '900GB'`, `huge_pages = on`, `max_files_per_process = 100000`,
	`logging_collector = on`, `log_destination = 'csvlog'`, `log_directory = '/nonexistent/log'`,
	`log_filename = 'gone.log'`,
	`log_min_messages = panic`, `lc_messages = 'C.UTF-8'`, `log_line_prefix = '%q%%'`, `log_timezone = 'Asia/Tokyo'`,
	`timezone = 'Asia/Tokyo'`,
	`datestyle = 'SQL, DMY'`, `statement_timeout = '1ms'`, `lock_timeout = '1ms'`, `idle_session_timeout = '1ms'`,
	`default_transaction_read_only = on`, `default_transaction_isolation = 'serializable'`,
	`unix_socket_directories = '/nonexistent/run'`, `listen_addresses = '192.0.2.1'`, `port = 1`, `ssl = on`,
	`ssl_cert_file = '/nonexistent/cert'`,
	`hba_file = '/nonexistent/hba'`, `ident_file = '/nonexistent/ident'`, `external_pid_file = '/nonexistent/pid'`,
	`hot_standby = on`, `max_connections = 2000`, `recovery_min_apply_delay = '1h'`,
	`recovery_end_command = 'exit 200'`, `archive_cleanup_command = 'exit 200'`,
	`primary_conninfo = 'host=192.0.2.1'`, `recovery_target_time = '2020-01-01'`, `temp_tablespaces = 'elsewhere'`,
}

// roleSettings are settings of a role and of databases: they go before those of the
// command line.
var roleSettings = []string{
	`ALTER ROLE boss SET statement_timeout = '1ms'`, `ALTER ROLE boss SET idle_session_timeout = '1ms'`,
	`ALTER ROLE boss SET lock_timeout = '1ms'`,
	`ALTER ROLE boss SET session_preload_libraries = 'gone_three'`,
	`ALTER ROLE boss SET default_transaction_read_only = on`,
	`ALTER DATABASE template1 SET session_preload_libraries = 'gone_four'`,
	`ALTER ROLE boss SET local_preload_libraries = 'gone_five'`,
	`ALTER DATABASE postgres SET client_encoding = 'LATIN1'`, `ALTER DATABASE postgres SET datestyle = 'SQL, DMY'`,
}

// outgoing is what reaches out from where it lives: a subscription, and the jobs of a
// pg_cron, by the table they are in.
var outgoing = []string{
	`CREATE SUBSCRIPTION far CONNECTION 'host=/nonexistent password=secretsecret' PUBLICATION p WITH (connect = false)`,
	`ALTER SUBSCRIPTION far ENABLE`,
	`CREATE SCHEMA cron`, `CREATE TABLE cron.job (command text, active boolean)`,
	`INSERT INTO cron.job VALUES ('DELETE FROM users', true), ('VACUUM', true), ('DROP TABLE users', false)`,
}

// becomeHostile gives the cluster a tablespace, another name for its superuser, and
// settings that hang or stop whoever restores it.
func (c *cluster) becomeHostile(ctx context.Context) error {
	tablespace := filepath.Join(c.Machine.Dir("data"), "elsewhere")
	if err := c.command(ctx, "mkdir", tablespace); err != nil {
		return err
	}
	if err := c.sql(ctx, "postgres",
		`CREATE TABLESPACE elsewhere LOCATION '`+tablespace+`'`,
		`CREATE TABLE far_away TABLESPACE elsewhere AS SELECT i FROM generate_series(1, 777) i`,
		`ALTER TABLE far_away SET (autovacuum_enabled = off)`,
		`CREATE ROLE helper SUPERUSER LOGIN`, `CREATE ROLE boss`, `DROP ROLE boss`); err != nil {
		return err
	}
	if err := c.sql(ctx, "postgres", `CREATE DATABASE "empty"`); err != nil {
		return err
	}
	if err := c.sql(ctx, "empty", `CREATE TABLE users (id int)`); err != nil {
		return err
	}
	c.user = "helper"
	if err := c.sql(ctx, "postgres", `ALTER ROLE postgres RENAME TO boss`); err != nil {
		return err
	}
	if err := c.sql(ctx, "postgres", append(alterSystem(), `CHECKPOINT`)...); err != nil {
		return err
	}
	conf := filepath.Join(c.Machine.Dir("etc"), "pgbackrest.conf")
	return c.command(ctx, "sed", "-i", "s/^pg1-user=.*/pg1-user=helper/", conf)
}

func alterSystem() []string {
	statements := make([]string, len(hostility))
	for i, setting := range hostility {
		statements[i] = "ALTER SYSTEM SET " + setting
	}
	return statements
}
