package compare

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/wait"
)

// startServer makes and starts a server that ends with the test, and says where its data and its socket are.
func startServer(t *testing.T) (data, socket string) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	bin := hosttest.ServerPrograms(t)
	socket, err := os.MkdirTemp("", "compare") // t.TempDir is too long for a socket's path
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(socket) })
	attributes := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 { // whom PostgreSQL refuses
		account, unknown := user.Lookup("postgres")
		require.NoError(t, unknown)
		uid, unknown := strconv.ParseUint(account.Uid, 10, 32)
		require.NoError(t, unknown)
		gid, unknown := strconv.ParseUint(account.Gid, 10, 32)
		require.NoError(t, unknown)
		require.NoError(t, os.Chown(socket, int(uid), int(gid)))
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	data = filepath.Join(socket, "data")
	initdb := exec.CommandContext(t.Context(), filepath.Join(bin, "initdb"), "-D", data, "-U", "boss", "--no-sync",
		"--auth=trust")
	initdb.SysProcAttr, initdb.Dir = attributes, socket
	out, err := initdb.CombinedOutput()
	require.NoError(t, err, "%s", out)
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", socket, "-c", "listen_addresses=",
		"-c", "fsync=off")
	server.SysProcAttr, server.Dir = attributes, socket
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGQUIT) // immediate: takes its children along
		_ = server.Wait()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	require.NoError(t, wait.For(ctx, "the test's PostgreSQL", 50*time.Millisecond, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, "host="+socket+" user=boss dbname=postgres")
		if err == nil {
			err = conn.Close(ctx)
		}
		return err
	}))
	return data, socket
}

// A database without its directory has no size, and is refused by itself: the others are listed.
func TestState_DatabaseWithoutItsDirectory(t *testing.T) {
	data, socket := startServer(t)
	connect := func(ctx context.Context, database string) (*pgx.Conn, error) {
		return pgx.Connect(ctx, "host="+socket+" user=boss dbname="+cmp.Or(database, "postgres"))
	}
	conn, err := connect(t.Context(), "")
	require.NoError(t, err)
	defer conn.Close(t.Context()) //nolint:errcheck // the server ends with the test
	var oid string
	for _, statement := range []string{`CREATE DATABASE app`, `CREATE DATABASE beside`, `CHECKPOINT`} {
		_, err = conn.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	require.NoError(t, conn.QueryRow(t.Context(),
		`SELECT oid::text FROM pg_database WHERE datname = 'app'`).Scan(&oid))
	whole, err := State(t.Context(), connect, Listing{Whole: true})
	require.NoError(t, err)
	assert.Empty(t, whole.Refused)
	assert.Positive(t, whole.Blocks["app"])

	require.NoError(t, os.RemoveAll(filepath.Join(data, "base", oid)))
	lost, err := State(t.Context(), connect, Listing{Whole: true})
	require.NoError(t, err)
	assert.True(t, lost.Refused["app"].Damaged, "%+v", lost.Refused)
	assert.Len(t, lost.Refused, 1)
	assert.Zero(t, lost.Blocks["app"])
	assert.Contains(t, lost.Databases, "beside")
	assert.Positive(t, lost.Blocks["beside"])
}
