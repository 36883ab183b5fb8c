package verify_test

import (
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/wait"
)

// cluster is a small PostgreSQL of a test's own. Its superuser is not postgres.
type cluster struct {
	dir         string
	command     *exec.Cmd
	kill        func() // as out of memory would
	connections atomic.Int64
}

// startCluster makes and starts a cluster, with settings as name=value, that ends with the test.
func startCluster(t *testing.T, settings ...string) *cluster {
	t.Helper()
	bin := hosttest.ServerPrograms(t)
	dir, err := os.MkdirTemp("", "checks") // t.TempDir is too long for a socket's path
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	attributes := asPostgres(t, dir)
	data := filepath.Join(dir, "data")

	initdb := exec.CommandContext(t.Context(), filepath.Join(bin, "initdb"), "-D", data, "-U", "boss", "--auth=trust",
		"--no-sync", "--encoding=UTF8", "--locale=C")
	initdb.SysProcAttr, initdb.Dir = attributes, dir
	out, err := initdb.CombinedOutput()
	require.NoError(t, err, "%s", out)

	c := &cluster{dir: dir}
	argv := []string{"-D", data, "-k", dir}
	for _, setting := range append([]string{"listen_addresses=", "fsync=off", "restart_after_crash=off"}, settings...) {
		argv = append(argv, "-c", setting)
	}
	c.command = exec.Command(filepath.Join(bin, "postgres"), argv...)
	c.command.SysProcAttr, c.command.Dir = attributes, dir
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = log.Close() })
	c.command.Stdout, c.command.Stderr = log, log
	require.NoError(t, c.command.Start())
	c.kill = sync.OnceFunc(func() {
		_ = c.command.Process.Signal(syscall.SIGQUIT) // immediate: takes its children along
		_ = c.command.Wait()
	})
	t.Cleanup(c.kill)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	require.NoError(t, wait.For(ctx, "the test's PostgreSQL", 50*time.Millisecond, func(ctx context.Context) error {
		conn, err := c.connect(ctx, "postgres")
		if err == nil {
			err = conn.Close(ctx)
		}
		return err
	}))
	return c
}

// connect also makes pg_temp.fail(sqlstate), for errors that are hard to bring about.
func (c *cluster) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	c.connections.Add(1)
	if database == "" {
		database = "template1"
	}
	// As the drill connects: a bound of the database's own must not strike the first statement.
	conn, err := pgx.Connect(ctx, "host="+c.dir+" user=boss statement_timeout=0 dbname="+database)
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, `CREATE FUNCTION pg_temp.fail(code text) RETURNS int LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'made by the test' USING ERRCODE = code; END $$`)
	return conn, err
}

func (c *cluster) exec(t *testing.T, database string, statements ...string) {
	t.Helper()
	conn, err := c.connect(t.Context(), database)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	for _, statement := range statements {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// asPostgres hands dir to user postgres when the test runs as root, whom PostgreSQL refuses.
func asPostgres(t *testing.T, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	require.NoError(t, err)
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	require.NoError(t, err)
	require.NoError(t, os.Chown(dir, int(uid), int(gid)))
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
