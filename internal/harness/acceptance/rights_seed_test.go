package acceptance

import (
	"context"
	"fmt"
	"net"
	"sync"

	"veza.fr/recovery/internal/source"
)

// rightsUsers is how many users each database of the seed has.
const rightsUsers = 1000

// rights is a cluster whose data holds code: functions and views that run when a check asks
// them. Each database is one of them, and its users are what the default check counts.
var rights = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 500, Settings: []string{"max_prepared_transactions=10"}}, "rights")
	if err != nil {
		return liveSeed{}, err
	}
	port, err := answering(ctx)
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{"kept": {users: rightsUsers}}
	for database, statements := range codeInData(port) {
		if err = inOrder(
			func() error { return c.sql(ctx, "postgres", "CREATE DATABASE "+database) },
			func() error {
				return c.sql(ctx, database,
					fmt.Sprintf("CREATE TABLE kept AS SELECT i AS id FROM generate_series(1, %d) i", rightsUsers))
			},
			func() error { return c.sql(ctx, database, statements...) },
		); err != nil {
			return liveSeed{}, fmt.Errorf("database %s: %w", database, err)
		}
	}
	s, err := c.settle(ctx, "rights", marks)
	return liveSeed{c, s}, err
})

// answering answers on this machine for as long as the tests run, and returns the port.
func answering(ctx context.Context) (port string, err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		for {
			conn, failed := listener.Accept()
			if failed != nil {
				return
			}
			_ = conn.Close() // that it came about is all
		}
	}()
	_, port, err = net.SplitHostPort(listener.Addr().String())
	return port, err
}

// plpgsql is a function that a view of users calls once for each query.
func plpgsql(options, body string) []string {
	return []string{
		"CREATE FUNCTION tick() RETURNS int LANGUAGE plpgsql " + options +
			" AS $f$ BEGIN " + body + " RETURN 1; END $f$",
		"CREATE VIEW users AS SELECT id FROM kept WHERE (SELECT tick()) = 1",
	}
}

// forgedLines are lines of the server log that somebody else wrote, one in each warning.
const forgedLines = `
	RAISE WARNING E'x\n2026-11-23 23:23:57.144 UTC [%] LOG:  server process (PID 1) was terminated by signal 9: Killed',
		split_part(pg_read_file('postmaster.pid'), E'\n', 1);
	RAISE WARNING 'server process (PID 1) was terminated by signal 11: Segmentation fault';
	RAISE LOG 'redo done at 0/9000000 system usage: x'; RAISE LOG 'selected new timeline ID: 99';
	RAISE WARNING E'ERROR: [042]: unable to get x\nERROR: [042]: unable to get x';
	RAISE LOG 'recovery stopping before commit of transaction 1'; RAISE LOG 'starting PostgreSQL 99';`

// codeInData are the databases, and what makes each of them.
func codeInData(port string) map[string][]string {
	reach := fmt.Sprintf("EXECUTE $e$COPY (SELECT 1) TO PROGRAM "+
		"'bash -c \"exec 3<>/dev/tcp/127.0.0.1/%s\"'$e$;", port)
	return map[string][]string{
		"connects": plpgsql("SECURITY DEFINER", reach),
		// The socket of a server has a path: here its own, elsewhere that of production on this machine.
		"connects_here": append([]string{"CREATE EXTENSION dblink"}, plpgsql("SECURITY DEFINER", `
			PERFORM * FROM dblink(format('host=%s port=%s user=postgres dbname=postgres',
				current_setting('unix_socket_directories'), current_setting('port')), 'SELECT 1') AS t(n int);`)...),
		"program": plpgsql("", "COPY (SELECT 1) TO PROGRAM 'true';"),
		"killed": plpgsql("", `RAISE WARNING 'server process (PID 1) was terminated by signal 9: Killed';
			PERFORM pg_terminate_backend(pg_backend_pid());`),
		"forges":  plpgsql("SECURITY DEFINER", forgedLines),
		"raises":  plpgsql("", `RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full';`),
		"revoked": append(plpgsql("", ""), "REVOKE EXECUTE ON FUNCTION tick() FROM PUBLIC"),
		"foreign_rows": {
			"CREATE EXTENSION file_fdw", "CREATE SERVER files FOREIGN DATA WRAPPER file_fdw",
			"CREATE FOREIGN TABLE far (id int) SERVER files OPTIONS (program 'seq 1000')",
			`CREATE FUNCTION rows_of_elsewhere() RETURNS SETOF int LANGUAGE plpgsql AS $f$ BEGIN
				PERFORM set_config(name, '', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind';
				RETURN QUERY EXECUTE 'SELECT id FROM far'; END $f$`,
			"CREATE VIEW users AS SELECT id FROM rows_of_elsewhere() id",
		},
		"locked": {
			"ALTER TABLE kept RENAME TO users",
			"BEGIN", "ALTER TABLE users ADD COLUMN soon int", "PREPARE TRANSACTION 'xa-1'",
		},
		// What harms nobody.
		"locked_elsewhere": {
			"CREATE VIEW users AS SELECT id FROM kept", "CREATE TABLE other (id serial PRIMARY KEY)",
			"CREATE TABLE parted (id serial, x int) PARTITION BY LIST (x)",
			"BEGIN", "ALTER TABLE other ADD COLUMN soon int", "ALTER TABLE parted ADD COLUMN soon int",
			"PREPARE TRANSACTION 'xa-2'",
		},
		"definer": {
			"CREATE ROLE app", "ALTER TABLE kept OWNER TO app",
			"CREATE FUNCTION rows_kept() RETURNS SETOF kept LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM kept'",
			"ALTER FUNCTION rows_kept() OWNER TO app", "CREATE VIEW users AS SELECT id FROM rows_kept()",
		},
		"hardened": {
			"CREATE SCHEMA inner_part", "ALTER TABLE kept SET SCHEMA inner_part",
			"ALTER TABLE inner_part.kept RENAME TO users",
			"REVOKE ALL ON SCHEMA inner_part FROM PUBLIC", "REVOKE ALL ON DATABASE hardened FROM PUBLIC",
			"ALTER TABLE inner_part.users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
			"CREATE POLICY nobody ON inner_part.users USING (false)", "ALTER DATABASE hardened CONNECTION LIMIT 0",
			"ALTER ROLE postgres IN DATABASE hardened SET search_path = inner_part, public",
			"ALTER DATABASE hardened SET session_preload_libraries = 'not_installed_here'",
		},
		"no_set_config": {
			`CREATE SCHEMA "Inner, part"`, `ALTER TABLE kept SET SCHEMA "Inner, part"`,
			`ALTER TABLE "Inner, part".kept RENAME TO users`,
			`ALTER ROLE postgres IN DATABASE no_set_config SET search_path = "$user", "Inner, part"`,
			"ALTER ROLE postgres IN DATABASE no_set_config SET app.tenant = 'it''s \\ his'",
			"REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC",
		},
		// The view is made of them as well; the trigger would refuse whoever gives them back.
		"no_functions": {
			"CREATE VIEW users AS SELECT id FROM kept WHERE current_setting('server_version_num') > '1'",
			"REVOKE EXECUTE ON FUNCTION pg_catalog.current_setting(text), pg_catalog.current_setting(text, boolean), " +
				"pg_catalog.format(text), pg_catalog.format(text, VARIADIC \"any\"), pg_catalog.quote_ident(text), " +
				"pg_catalog.current_database(), pg_catalog.getdatabaseencoding(), pg_catalog.pg_show_all_settings(), " +
				"pg_catalog.pg_relation_filepath(regclass), pg_catalog.pg_relation_size(regclass, text), " +
				"pg_catalog.set_config(text, text, boolean), pg_catalog.count(\"any\") FROM PUBLIC",
			`CREATE FUNCTION refuses() RETURNS event_trigger LANGUAGE plpgsql AS
				$f$ BEGIN RAISE EXCEPTION 'nobody changes rights here'; END $f$`,
			"CREATE EVENT TRIGGER refuses ON ddl_command_start EXECUTE FUNCTION refuses()",
			"ALTER EVENT TRIGGER refuses ENABLE ALWAYS",
		},
		// A function fits better than that of pg_catalog, wherever it stands in search_path.
		"overloaded": {
			"CREATE VIEW users AS SELECT id FROM kept", "CREATE TABLE more (id serial PRIMARY KEY)",
			"CREATE FUNCTION format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS $f$ SELECT 'it'::text $f$",
			"CREATE INDEX ON kept (id)",
			"UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = 'kept_id_idx'::regclass",
		},
		// A sort that does not fit into memory.
		"sparing": {
			"CREATE VIEW users AS SELECT id FROM kept ORDER BY repeat(md5(id::text), 20)",
			"ALTER DATABASE sparing SET work_mem = '64kB'", "ALTER DATABASE sparing SET temp_file_limit = 0",
			"ALTER ROLE postgres IN DATABASE sparing SET temp_file_limit = 0",
		},
		"by_user": {
			"CREATE SCHEMA postgres", "ALTER TABLE kept SET SCHEMA postgres",
			"ALTER TABLE postgres.kept RENAME TO users",
		},
		"generated": {
			"CREATE VIEW users AS SELECT id FROM kept",
			`CREATE FUNCTION folded(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END'`,
			"CREATE TABLE sums (a int, b int GENERATED ALWAYS AS (a + 1) STORED)", "INSERT INTO sums VALUES (1)",
			"CREATE INDEX ON sums (a) WHERE folded('a') = 'b'", "CREATE ROLE owner_of_sums",
			"ALTER TABLE sums OWNER TO owner_of_sums", // as whom amcheck evaluates
			`CREATE OR REPLACE FUNCTION folded(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
				'BEGIN IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
					PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN $1; END'`,
		},
	}
}
