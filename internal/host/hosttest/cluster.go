package hosttest

import (
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/wait"
)

// Superuser is the one of a Cluster: it is not postgres.
const Superuser = "boss"

// Cluster is a small PostgreSQL of a test's own, of the newest server of this machine.
type Cluster struct {
	Dir  string // where its socket and its file log are
	Data string
	Kill func() // as out of memory would
}

// StartCluster makes and starts a cluster, with settings as name=value, that ends with the test. Everybody on this
// machine may connect.
func StartCluster(t *testing.T, settings ...string) Cluster {
	t.Helper()
	bin := ServerPrograms(t)
	dir, err := os.MkdirTemp("", "cluster") // t.TempDir is too long for a socket's path
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := Cluster{Dir: dir, Data: filepath.Join(dir, "data")}
	attributes := asPostgres(t, dir)
	program := func(ctx context.Context, name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, filepath.Join(bin, name), args...)
		cmd.SysProcAttr, cmd.Dir = attributes, dir
		return cmd
	}
	out, err := program(t.Context(), "initdb", "-D", c.Data, "-U", Superuser, "--auth=trust", "--no-sync",
		"--encoding=UTF8", "--locale=C").CombinedOutput()
	require.NoError(t, err, "%s", out)

	argv := []string{"-D", c.Data, "-k", dir}
	for _, setting := range append([]string{"listen_addresses=", "fsync=off", "restart_after_crash=off"}, settings...) {
		argv = append(argv, "-c", setting)
	}
	server := program(context.Background(), "postgres", argv...)
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = log.Close() })
	server.Stdout, server.Stderr = log, log
	require.NoError(t, server.Start())
	c.Kill = sync.OnceFunc(func() {
		_ = server.Process.Signal(syscall.SIGQUIT) // immediate: takes its children along
		_ = server.Wait()
	})
	t.Cleanup(c.Kill)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	require.NoError(t, wait.For(ctx, "the test's PostgreSQL", 50*time.Millisecond, func(ctx context.Context) error {
		return program(ctx, "pg_isready", "-q", "-h", dir).Run()
	}))
	return c
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
