package realtest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// base holds everything these tests make. It is short, for the names of sockets, and open to user postgres.
var base string

// buildTime bounds the compiler.
const buildTime = 30 * time.Minute

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if testing.Short() {
		return m.Run()
	}
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "realtest:", err)
		return 1
	}
	defer os.RemoveAll(base) //nolint:errcheck // the last thing there is to do
	return m.Run()
}

func prepare() (err error) {
	if base, err = os.MkdirTemp(roomy("/dev/shm"), "vzr-"); err != nil {
		return err
	}
	if base, err = filepath.EvalSymlinks(base); err != nil {
		return err
	}
	if err = os.Chmod(base, 0o755); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), buildTime)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", program(), "veza.fr/recovery/internal/cmd/restore")
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, said)
	}
	return nil
}

// program is veza-restore.
func program() string { return filepath.Join(base, "veza-restore") }

// roomy is dir when it is a file system in memory with room and programs may run from it, else "": a restore syncs a
// thousand files. A TMPDIR somebody chose stands.
func roomy(dir string) string {
	const room = 2 << 30
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") != "" || syscall.Statfs(dir, &fs) != nil {
		return ""
	}
	if fs.Type != unix.TMPFS_MAGIC || fs.Flags&unix.ST_NOEXEC != 0 || int64(fs.Bavail)*fs.Bsize < room {
		return ""
	}
	return dir
}

// takesLong marks what -short leaves out: everything here needs real programs.
func takesLong(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs PostgreSQL and pgBackRest")
	}
	t.Parallel()
}
