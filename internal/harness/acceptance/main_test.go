package acceptance

import (
	"flag"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// base holds everything these tests make. It is short, for the names of sockets, and
// open to user postgres, which t.TempDir is not.
var base string

// cores bounds the drills that compute at one time: each keeps about a core at work.
var cores = make(chan struct{}, 2)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if testing.Short() {
		return m.Run()
	}
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "acceptance:", err)
		return 1
	}
	defer os.RemoveAll(base) //nolint:errcheck // the last thing there is to do
	defer closeSeeds()
	if *versionsFlag {
		if err := onlyVersionRows(); err != nil {
			fmt.Fprintln(os.Stderr, "acceptance:", err)
			return 1
		}
	}
	begin := time.Now()
	status := m.Run()
	if *versionsFlag && !allVersionRowsRan(os.Stderr) {
		status = 1
	}
	if *tableFlag {
		printTable(os.Stdout, time.Since(begin))
	}
	return status
}

func prepare() (err error) {
	place := roomy("/dev/shm")
	if *environment != "" { // a system container has a /dev/shm and a /tmp of its own over whatever it is given there
		place = "/var/lib"
	}
	if base, err = os.MkdirTemp(place, "vza-"); err != nil {
		return err
	}
	if err = os.Chmod(base, 0o755); err != nil {
		return err
	}
	if err = os.Setenv("TMPDIR", base); err != nil { // the seeds' machines are made in it
		return err
	}
	return flag.Set("test.parallel", "100") // cases that only wait need no core; cores bounds the others
}

// roomy is dir when it is a file system in memory with room and programs may run from
// it, else "": a restore syncs a thousand files, and is three times as fast there. A
// TMPDIR somebody chose stands.
func roomy(dir string) string {
	const room = 2 << 30
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") != "" || syscall.Statfs(dir, &fs) != nil {
		return ""
	}
	if fs.Type != unix.TMPFS_MAGIC || fs.Flags&unix.ST_NOEXEC != 0 || int64(fs.Bavail)*fs.Bsize < room {
		return ""
	}
	if unix.Access(dir, unix.W_OK|unix.X_OK) != nil {
		return ""
	}
	return dir
}

// takesLong marks what -short leaves out: everything here takes seconds and real programs.
func takesLong(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs PostgreSQL and pgBackRest")
	}
	t.Parallel()
}

// long is the same for a test about processes, which has no meaning in containers.
func long(t *testing.T) {
	t.Helper()
	if *environment != "" {
		t.Skip("a test about processes; -environment asks for the rows that are for containers")
	}
	takesLong(t)
}
