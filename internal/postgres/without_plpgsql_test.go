package postgres

import (
	"context"
	"net"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/hosttest"
)

// thisMachine is one that a socket of this machine is dialled on, and nothing else.
type thisMachine struct{ host.Host }

func (thisMachine) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// bareCluster is a server with two databases that have a foreign-data wrapper, bare without plpgsql, and an event
// trigger that refuses any change in the other one, app.
func bareCluster(t *testing.T) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := hosttest.StartCluster(t)
	s := &Server{
		Host: thisMachine{}, Installation: Installation{Version: "15.0"}, Socket: c.Dir, Port: 5432,
		User: hosttest.Superuser, Home: "postgres",
	}
	run(t, s, "postgres", "CREATE DATABASE bare", "CREATE DATABASE app")
	for _, database := range []string{"bare", "app"} {
		run(t, s, database, "CREATE EXTENSION postgres_fdw",
			"REVOKE EXECUTE ON FUNCTION pg_catalog.now() FROM PUBLIC")
	}
	run(t, s, "bare", "DROP EXTENSION plpgsql")
	run(t, s, "app", `CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'refused'; END $$`,
		"CREATE EVENT TRIGGER refuses ON ddl_command_start EXECUTE FUNCTION public.refuse()",
		"ALTER EVENT TRIGGER refuses ENABLE ALWAYS")
	return s
}

func run(t *testing.T, s *Server, database string, list ...string) {
	t.Helper()
	conn, err := s.Connect(t.Context(), database)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	for _, statement := range append([]string{"SET default_transaction_read_only = off"}, list...) {
		_, err = conn.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// says asserts what a query returns, as text.
func says(t *testing.T, s *Server, database, query, want string) {
	t.Helper()
	conn, err := s.Connect(t.Context(), database)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	var got string
	require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&got), query)
	assert.Equal(t, want, got, "%s in %s", query, database)
}

const (
	handlers = "SELECT count(*)::text FROM pg_foreign_data_wrapper WHERE fdwhandler <> 0"
	schemas  = "SELECT count(*)::text FROM pg_namespace WHERE nspname LIKE 'veza_drill_%'"
	triggers = "SELECT coalesce(min(evtenabled::text), '-') FROM pg_event_trigger"
)

// A database without plpgsql is made ready for the reader, as any other is.
func TestReader_WithoutPlpgsql(t *testing.T) {
	s := bareCluster(t)
	conn, err := s.Connect(t.Context(), "")
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	why, err := s.MakeReader(t.Context(), conn)
	require.NoError(t, err)
	require.Empty(t, why)
	for _, database := range []string{"bare", "app"} {
		says(t, s, database, handlers, "1")
		reader, failed := s.ConnectReader(t.Context(), database)
		require.NoError(t, failed, database)
		_, failed = reader.Exec(t.Context(), "SELECT now()")
		require.NoError(t, failed, database)
		require.NoError(t, reader.Close(t.Context()))
		says(t, s, database, handlers, "0")
	}
	require.NoError(t, s.RefuseEnding(t.Context()))
	mayEnd := "SELECT has_function_privilege('" + s.reader.name + "', 'pg_cancel_backend(int)', 'EXECUTE')::text"
	for _, database := range []string{"bare", "app"} {
		says(t, s, database, mayEnd, "false")
	}
}

// What a run makes in a kept cluster goes again, also where there is no plpgsql, and its event triggers stay.
func TestRemoveOurs_WithoutPlpgsql(t *testing.T) {
	s := bareCluster(t)
	const ours = "veza_drill_abcdefghijklmnopqrstuvwxyz"
	begin := func(database string, list ...string) error {
		conn, err := s.Connect(t.Context(), database)
		require.NoError(t, err)
		defer func() { _ = conn.Close(t.Context()) }()
		require.NoError(t, writing(t.Context(), conn))
		return WithoutEventTriggers(t.Context(), conn, list...)
	}
	for database, enabled := range map[string]string{"bare": "-", "app": "A"} {
		require.Error(t, begin(database, "CREATE SCHEMA "+ours, "SELECT 1/0"))
		says(t, s, database, schemas, "0")
		says(t, s, database, triggers, enabled)
		require.NoError(t, begin(database, "CREATE SCHEMA "+ours, "CREATE TABLE "+ours+".t (i int)"))
		says(t, s, database, schemas, "1")
		says(t, s, database, triggers, enabled)
	}
	run(t, s, "postgres", "CREATE ROLE "+ours, "GRANT CONNECT ON DATABASE app TO "+ours,
		"ALTER DATABASE app CONNECTION LIMIT -1")
	s.Limits = []ConnectionLimit{{OID: databaseOID(t, s, "app"), Database: "app", Limit: 7}}
	require.NoError(t, s.RemoveOurs(t.Context()))
	for database, enabled := range map[string]string{"bare": "-", "app": "A"} {
		says(t, s, database, schemas, "0")
		says(t, s, database, triggers, enabled)
	}
	says(t, s, "postgres", "SELECT count(*)::text FROM pg_roles WHERE rolname = '"+ours+"'", "0")
	says(t, s, "postgres", "SELECT datconnlimit::text FROM pg_database WHERE datname = 'app'", "7")

	s.Home = "bare" // where nothing of the whole cluster can have been made, and nothing is to remove
	require.NoError(t, s.RemoveOurs(t.Context()))
}

func databaseOID(t *testing.T, s *Server, name string) (oid uint32) {
	t.Helper()
	conn, err := s.Connect(t.Context(), "")
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT oid FROM pg_database WHERE datname = $1",
		pgx.QueryExecModeExec, name).Scan(&oid))
	return oid
}
