package standby_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/standby"
	"veza.fr/recovery/internal/wait"
)

// roleQuery is what Ansible asks of every data node: the statements that are missing for the login veza_compare.
const roleQuery = "../../fixtures/ansible/roles/pgbackrest/files/compare.sql"

// psql runs it as the role does.
func psql(t *testing.T, s *source.Seeded, port uint16, input []byte, args ...string) string {
	t.Helper()
	argv := []string{
		path.Join(s.BinDir, "psql"), "-XAtqw", "-v", "ON_ERROR_STOP=1", "-h", s.Machine.Dir("run"),
		"-p", strconv.Itoa(int(port)), "-U", "postgres", "-d", "postgres",
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result, err := s.Machine.Run(ctx, host.Command{
		Argv: append(argv, args...), Stdin: bytes.NewReader(input),
	})
	require.NoError(t, err, "%s", result.Stderr)
	return strings.TrimSpace(string(result.Stdout))
}

// The login that the role makes is enough for a comparison of everything, and may do nothing else.
func TestRole(t *testing.T) {
	s := production(t)
	query, err := os.ReadFile(roleQuery)
	require.NoError(t, err)
	primary, err := s.Connect(t.Context())
	require.NoError(t, err)
	defer primary.Close(context.Background()) //nolint:errcheck // what was written is committed
	config, err := s.Standby()
	require.NoError(t, err)
	lacks := func(wanted string) string { return psql(t, s, primary.Config().Port, query, "-v", "wanted="+wanted) }
	do := func(statements string) {
		t.Helper()
		_, failed := primary.Exec(t.Context(), statements)
		require.NoError(t, failed)
	}

	do(`CREATE TABLE secret AS SELECT 1 AS n; ALTER TABLE secret ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
		REVOKE ALL ON secret FROM PUBLIC; SELECT lo_create(77); CREATE SEQUENCE counter`)
	do("CREATE DATABASE narrow CONNECTION LIMIT 1")
	assert.Empty(t, lacks("off"), "nothing to take away")
	assert.Empty(t, psql(t, s, config.Port, query, "-v", "wanted=on"), "a standby lacks nothing")
	psql(t, s, primary.Config().Port, []byte(lacks("on")), "-1", "-f", "-")
	assert.Empty(t, lacks("on"), "a second run changes nothing")

	config.User = "veza_compare"
	var o *standby.Standby
	require.NoError(t, wait.For(t.Context(), "the login", 20*time.Millisecond, func(ctx context.Context) (err error) {
		o, err = standby.Open(ctx, config)
		return err
	}))
	defer o.Close(context.Background())
	assert.True(t, o.LetsIn(t.Context()))
	f, err := o.Freeze(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1, f.Timeline, "it sees what the standby receives")
	left, err := o.Digest(t.Context(), &f, standby.Ask{Seeds: compare.NewSeeds()})
	require.NoError(t, err)
	assert.Empty(t, left)
	for _, l := range f.Side.LeftOut {
		assert.Equal(t, "template0", l.Database, "%s", l)
	}
	same := compare.Compare(f.Side, f.Side)
	assert.InDelta(t, 1, same.Coverage(), 0)
	assert.Empty(t, same.Differences)

	may := primary.Config().Copy()
	may.User = config.User
	oneSession(t, may, f.Side)
	login := connect(t, may)
	for _, refused := range []string{
		"INSERT INTO secret VALUES (2)", "DELETE FROM users", "CREATE TABLE mine ()", "CREATE ROLE other",
		"SELECT pg_read_file('postgresql.conf')", "COPY users TO PROGRAM 'cat'", "SELECT pg_promote()",
		"SELECT pg_switch_wal()", "ALTER SYSTEM SET work_mem = '1MB'", "SET SESSION AUTHORIZATION postgres",
	} {
		_, err = login.Exec(t.Context(), refused)
		assert.ErrorContains(t, err, "42501", refused)
	}

	for taken, given := range map[string]string{
		"ALTER ROLE veza_compare NOBYPASSRLS":                               "ALTER ROLE veza_compare LOGIN BYPASSRLS",
		"ALTER ROLE veza_compare SUPERUSER":                                 "NOSUPERUSER",
		"REVOKE pg_read_all_data FROM veza_compare":                         "GRANT pg_read_all_data",
		"REVOKE pg_read_all_stats FROM veza_compare":                        "GRANT pg_read_all_stats",
		"REVOKE EXECUTE ON FUNCTION pg_wal_replay_pause FROM veza_compare":  "pg_wal_replay_pause() TO",
		"REVOKE EXECUTE ON FUNCTION pg_wal_replay_resume FROM veza_compare": "pg_wal_replay_resume() TO",
		"COMMENT ON ROLE veza_compare IS NULL":                              "COMMENT ON ROLE veza_compare IS",
		"ALTER ROLE veza_compare NOLOGIN CREATEDB CREATEROLE REPLICATION":   "NOCREATEDB NOCREATEROLE NOREPLICATION",
	} {
		do(taken)
		missing := lacks("on")
		assert.Contains(t, missing, given, taken)
		assert.NotContains(t, missing, "\n", "nothing else was missing after %s", taken)
		do(missing)
	}
	do(lacks("off"))
	assert.Empty(t, lacks("off"))
	_, err = standby.Open(t.Context(), may)
	require.ErrorContains(t, err, "not permitted to log in")
	require.NoError(t, wait.For(t.Context(), "that", 20*time.Millisecond, func(ctx context.Context) error {
		if o.LetsIn(ctx) {
			return errors.New("it lets the role in")
		}
		return nil
	}))
	do("COMMENT ON ROLE veza_compare IS 'an operator made it'; ALTER ROLE veza_compare LOGIN")
	assert.Empty(t, lacks("off"), "one that somebody else made stays as it is")
}

// oneSession has two workers ask a database that takes one session: each waits for the other.
func oneSession(t *testing.T, config *pgx.ConnConfig, side compare.Side) {
	t.Helper()
	config = config.Copy()
	config.RuntimeParams = compare.Parameters
	clone := compare.NewSide()
	clone.Objects = side.Objects
	var parts []compare.Part
	for part := range side.Digests {
		if part.Database == "narrow" {
			parts = append(parts, part)
		}
	}
	require.NotEmpty(t, parts)
	require.NoError(t, compare.Asker{
		Connect: func(ctx context.Context, database string) (*pgx.Conn, error) {
			one := config.Copy()
			one.Database = database
			return pgx.ConnectConfig(ctx, one)
		},
		Begin: compare.Begin, End: compare.End, Workers: 2, Seeds: compare.NewSeeds(), Clone: true,
	}.Digest(t.Context(), &clone, parts))
	assert.Empty(t, clone.LeftOut)
	assert.Len(t, clone.Digests, len(parts))
}
