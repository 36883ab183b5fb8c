package sandbox_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// asHolder makes this binary lock the stanza it names and hold it until it is
// killed, with a child that outlives it.
const asHolder = "TEST_AS_HOLDER"

func TestMain(m *testing.M) {
	if stanza := os.Getenv(asHolder); stanza != "" {
		_, err := sandbox.Acquire(stanza)
		child := exec.Command("sleep", "300")
		if err == nil {
			err = child.Start()
		}
		if err != nil {
			fmt.Fprintln(os.Stdout, "error:", err)
			os.Exit(1)
		}
		fmt.Fprintln(os.Stdout, child.Process.Pid)
		<-time.After(time.Hour) // until it is killed; without cgo, select {} would be "all goroutines are asleep"
	}
	os.Exit(m.Run())
}

// holder starts another process that holds a lock; user is whom it runs as, nil for ours.
func holder(t *testing.T, stanza string, user *syscall.Credential) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), hosttest.Program(t))
	cmd.Env = append(os.Environ(), asHolder+"="+stanza)
	cmd.Dir = os.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { end(cmd) })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err, line)
	t.Cleanup(func() { assert.NoError(t, syscall.Kill(child, syscall.SIGKILL), "the child has outlived the holder") })
	return cmd
}

func end(cmd *exec.Cmd) {
	cmd.Process.Kill() //nolint:errcheck // it may be dead
	cmd.Wait()         //nolint:errcheck // killed
}

func requireLocked(t *testing.T, stanza string, says ...string) {
	t.Helper()
	_, err := sandbox.Acquire(stanza)
	why, _ := reason.Of(err)
	require.Equal(t, reason.Locked, why, "%v", err)
	for _, text := range says {
		require.ErrorContains(t, err, text)
	}
}

// One run holds a stanza; whoever comes second is told who does, and another stanza is free.
func TestAcquire_OneHolder(t *testing.T) {
	hosttest.PublicTemp(t)
	lock, err := sandbox.Acquire("main")
	require.NoError(t, err)
	requireLocked(t, "main", "sandbox.test", fmt.Sprintf("process %d", os.Getpid()), "since 20")
	other, err := sandbox.Acquire("main2")
	require.NoError(t, err)
	require.NoError(t, other.Release())
	require.NoError(t, lock.Release())
	require.NoError(t, lock.Release(), "twice is fine")
	again, err := sandbox.Acquire("main")
	require.NoError(t, err)
	require.NoError(t, again.Release())
}

// The kernel frees the lock of a killed run, although its child lives on.
func TestAcquire_FreedByDeath(t *testing.T) {
	hosttest.PublicTemp(t)
	run := holder(t, "main", nil)
	requireLocked(t, "main", fmt.Sprintf("process %d", run.Process.Pid))
	end(run)
	lock, err := sandbox.Acquire("main")
	require.NoError(t, err)
	require.NoError(t, lock.Release())
}

// Root and an ordinary user keep each other out, in a directory like /tmp.
func TestAcquire_AcrossUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		return // it takes root to act as somebody else
	}
	hosttest.PublicTemp(t)
	nobody := &syscall.Credential{Uid: hosttest.Nobody, Gid: hosttest.Nobody}
	lock, err := sandbox.Acquire("roots")
	require.NoError(t, err)
	require.NoError(t, lock.Release())
	holder(t, "roots", nobody)
	requireLocked(t, "roots", "user nobody")
	run := holder(t, "nobodys", nobody)
	requireLocked(t, "nobodys", "user nobody")
	end(run)
	lock, err = sandbox.Acquire("nobodys")
	require.NoError(t, err, "root uses the file nobody has made")
	require.NoError(t, lock.Release())
}

// Something else in the lock file's place is refused, and comes to no harm.
func TestAcquire_HostileFile(t *testing.T) {
	dir := hosttest.PublicTemp(t)
	victim := filepath.Join(dir, "victim")
	require.NoError(t, os.WriteFile(victim, []byte("precious"), 0o600))
	for kind, place := range map[string]func(path string) error{
		"symlink":   func(path string) error { return os.Symlink(victim, path) },
		"hardlink":  func(path string) error { return os.Link(victim, path) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"fifo":      func(path string) error { return syscall.Mkfifo(path, 0o666) },
	} {
		require.NoError(t, place(filepath.Join(dir, "veza-drill-"+kind+".lock")))
		_, err := sandbox.Acquire(kind)
		why, _ := reason.Of(err)
		require.Equal(t, reason.SandboxFailed, why, "%s: %v", kind, err)
		require.ErrorContains(t, err, "veza-drill-"+kind+".lock")
	}
	content, err := os.ReadFile(victim)
	require.NoError(t, err)
	assert.Equal(t, "precious", string(content))
}

// Whoever takes the lock file away while it is held does not make the holder
// write into what stands in its place.
func TestRelease_FileReplaced(t *testing.T) {
	dir := hosttest.PublicTemp(t)
	lock, err := sandbox.Acquire("main")
	require.NoError(t, err)
	victim := filepath.Join(dir, "victim")
	require.NoError(t, os.WriteFile(victim, []byte("precious"), 0o600))
	path := filepath.Join(dir, "veza-drill-main.lock")
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink(victim, path))
	require.Error(t, lock.Release())
	content, err := os.ReadFile(victim)
	require.NoError(t, err)
	assert.Equal(t, "precious", string(content))
}

// A lock file that holds nonsense names nobody, and does no harm on a terminal.
func TestAcquire_NonsenseInTheFile(t *testing.T) {
	dir := hosttest.PublicTemp(t)
	holder(t, "main", nil)
	path := filepath.Join(dir, "veza-drill-main.lock")
	require.NoError(t, os.WriteFile(path, []byte("\x1b[2J not JSON"), 0o600))
	requireLocked(t, "main", "has not said who it is")
	require.NoError(t, os.WriteFile(path, []byte(`{"pid":1,"user":"\u001b[2Jroot","command":"x"}`), 0o600))
	requireLocked(t, "main", `\x1b[2Jroot`)
}
