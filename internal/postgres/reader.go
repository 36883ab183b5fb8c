package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/versions"
)

// lockTimeout is how long a session waits for a lock. Nobody else is at work in a clone: what
// is not free within that is held by a transaction that was prepared, and will be for ever.
const lockTimeout = "2s"

// reader is the role of the run's own that asks the data. The data's functions run with its
// rights, which are to read: it is a member of pg_read_all_data, may enter every database,
// and passes over row-level security, which would hide rows from it.
type reader struct {
	name     string
	stands   string // the bootstrap superuser, whom "$user" of a search_path means
	settings []roleSetting

	mu    sync.Mutex
	ready map[string]bool // databases, by makeReady
}

// roleSetting is what ALTER ROLE ... SET gave the bootstrap superuser: the data may need it,
// as it may need a search_path.
type roleSetting struct {
	database    uint32 // the OID of the one it is for; 0 is all
	name, value string
}

// ownSettings are those that a session of the drill decides itself; see connectAs.
var ownSettings = map[string]bool{
	"role": true, "session_authorization": true, "row_security": true, "application_name": true,
	"statement_timeout": true, "lock_timeout": true, "transaction_timeout": true,
	"idle_in_transaction_session_timeout": true, "idle_session_timeout": true,
	"default_transaction_isolation": true, "transaction_isolation": true,
	"default_transaction_read_only": true, "transaction_read_only": true, "client_encoding": true,
	"session_preload_libraries": true, "local_preload_libraries": true, "session_replication_role": true,
	"temp_file_limit": true,
}

// MakeReader makes the role that ConnectReader connects as, in a session of the superuser. why
// says what the server refused; then ConnectReader goes on as the superuser. An error means
// that the session broke.
func (s *Server) MakeReader(ctx context.Context, conn *pgx.Conn) (why string, err error) {
	s.reader = nil
	if major := s.Installation.Major(); !versions.ReadAllData.In(major) {
		return fmt.Sprintf("PostgreSQL %s has no role that may only read", major), nil
	}
	r := &reader{name: OursPrefix + strings.ToLower(rand.Text()), ready: map[string]bool{}}
	err = conn.QueryRow(ctx, "SELECT rolname::text FROM pg_catalog.pg_roles WHERE oid = 10").Scan(&r.stands)
	if err != nil {
		return "", err
	}
	if r.settings, err = bootstrapSettings(ctx, conn); err != nil {
		return "", err
	}
	letIn := fmt.Sprintf(createReader+letInEverywhere, r.name)
	if s.Kept {
		letIn = fmt.Sprintf(createReader+letInWhereLockedOut, r.name) + lifted(s.Limits)
	}
	_, err = conn.Exec(ctx, letIn+"COMMIT")
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && !conn.IsClosed() {
		_, err = conn.Exec(ctx, "ROLLBACK")
		return refused.Message, err
	}
	if err == nil {
		s.reader = r
	}
	return "", err
}

// createReader makes the role and lets it into the databases, also into those that everybody else is
// locked out of. Its own settings go before those of a database, which may name a library that is
// not here; FROM CURRENT, because an empty text as a list would be one of an empty name. What
// functions of the data say does not fill the server log. The role outlives a crash, whatever the data says of
// synchronous_commit. A database that cannot be changed,
// since a prepared transaction has changed it, is left as it is.
const createReader = `
	BEGIN READ WRITE;
	SET LOCAL lock_timeout = '` + lockTimeout + `';
	SET LOCAL lo_compat_privileges = on;
	SET LOCAL log_min_messages = fatal;
	SET LOCAL temp_file_limit = -1;
	SET LOCAL synchronous_commit = on;
	CREATE ROLE %[1]s LOGIN BYPASSRLS;
	GRANT pg_read_all_data TO %[1]s;
	ALTER ROLE %[1]s SET session_preload_libraries FROM CURRENT;
	ALTER ROLE %[1]s SET local_preload_libraries FROM CURRENT;
	ALTER ROLE %[1]s SET zero_damaged_pages FROM CURRENT;
	ALTER ROLE %[1]s SET ignore_checksum_failure FROM CURRENT;
	ALTER ROLE %[1]s SET lo_compat_privileges FROM CURRENT;
	ALTER ROLE %[1]s SET log_min_messages FROM CURRENT;
	ALTER ROLE %[1]s SET temp_file_limit FROM CURRENT;`

const letInEverywhere = `
	DO $$
	DECLARE d record;
	BEGIN
		FOR d IN SELECT datname, datconnlimit FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2 LOOP
			BEGIN
				EXECUTE pg_catalog.format('GRANT CONNECT, TEMPORARY ON DATABASE %%I TO %[1]s', d.datname);
				IF d.datconnlimit >= 0 THEN
					EXECUTE pg_catalog.format('ALTER DATABASE %%I CONNECTION LIMIT -1', d.datname);
				END IF;
			EXCEPTION WHEN lock_not_available THEN NULL;
			END;
		END LOOP;
	END $$;`

// letInWhereLockedOut gives the reader of a kept cluster no more than REVOKE takes away again: rights only where
// everybody else has none. The limits of its databases are lifted by themselves, which somebody has to remember.
const letInWhereLockedOut = `
	DO $$
	DECLARE d record;
	BEGIN
		FOR d IN SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2
			AND NOT pg_catalog.has_database_privilege('%[1]s', oid, 'CONNECT')
		LOOP
			BEGIN
				EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %%I TO %[1]s', d.datname);
			EXCEPTION WHEN lock_not_available THEN NULL;
			END;
		END LOOP;
	END $$;`

func bootstrapSettings(ctx context.Context, conn *pgx.Conn) ([]roleSetting, error) {
	rows, err := conn.Query(ctx, `SELECT s.setdatabase, c FROM pg_catalog.pg_db_role_setting s, unnest(s.setconfig) c
		WHERE s.setrole = 10 ORDER BY s.setdatabase`) // those of one database go last, before the others
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r roleSetting, err error) {
		var option string
		err = row.Scan(&r.database, &option)
		r.name, r.value, _ = strings.Cut(option, "=")
		return r, err
	})
}

// ConnectReader opens a connection to a database, "" is any, for what asks the data: as the reader, in
// read-only transactions, with the settings that a session of the bootstrap superuser has.
func (s *Server) ConnectReader(ctx context.Context, database string) (*pgx.Conn, error) {
	if database == "" {
		database = s.Home
	}
	r := s.reader
	if r == nil {
		conn, err := s.connectAs(ctx, s.User, database, "")
		return conn, cmp.Or(MissingLocale(err), err)
	}
	if err := s.makeReady(ctx, database); err != nil {
		return nil, err
	}
	conn, err := s.connectAs(ctx, r.name, database, "")
	if err != nil {
		return nil, err
	}
	var here uint32 // not by its name, which may be of any bytes
	err = conn.QueryRow(ctx, `SELECT oid FROM pg_catalog.pg_database
		WHERE datname OPERATOR(pg_catalog.=) current_catalog`).Scan(&here)
	if err != nil {
		_ = conn.Close(ctx) // nothing was written
		return nil, err
	}
	for _, setting := range r.settings {
		if ownSettings[setting.name] || setting.database != 0 && setting.database != here {
			continue
		}
		// A setting that is not possible here is a warning to the superuser's session as well.
		_, err = conn.Exec(ctx, setStatement(setting.name, setting.value))
		if conn.IsClosed() {
			return nil, err
		}
	}
	var names string
	if err = conn.QueryRow(ctx, "SHOW search_path").Scan(&names); err == nil {
		if path, changed := standsFor(names, r.stands); changed {
			_, err = conn.Exec(ctx, setStatement("search_path", path))
		}
	}
	if err != nil {
		_ = conn.Close(ctx) // nothing was written
		return nil, err
	}
	return conn, nil
}

// makeReady makes a database ready for the reader. It takes the handlers away from its foreign-data wrappers: rows of
// elsewhere never were in a backup, and a foreign table may run a program here.
// restrict_nonsystem_relation_kind alone would not do, since a function may set it back. And it lets the reader call
// what a database that was hardened lets nobody call.
func (s *Server) makeReady(ctx context.Context, database string) error {
	s.reader.mu.Lock() // several sessions are opened at once
	defer s.reader.mu.Unlock()
	if s.reader.ready[database] || s.Kept { // a kept one needs its handlers, and its rights
		return nil
	}
	conn, err := s.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // what was written is committed
	if err = AsStored(ctx, conn); err != nil {
		return err
	}
	closing, err := statements(ctx, conn, wrappersClosed)
	if err == nil {
		err = change(ctx, conn, closing) // or the other way is still closed
	}
	if err == nil {
		err = letCall(ctx, conn, s.reader.name)
		if _, refused := errors.AsType[*pgconn.PgError](err); refused {
			err = nil // what cannot be called says so where it is
		}
	}
	s.reader.ready[database] = err == nil
	return err
}

// wrappersClosed are statements that take their handlers away from foreign-data wrappers.
const wrappersClosed = `SELECT pg_catalog.format('ALTER FOREIGN DATA WRAPPER %I NO HANDLER', fdwname)
	FROM pg_catalog.pg_foreign_data_wrapper WHERE fdwhandler <> 0`
