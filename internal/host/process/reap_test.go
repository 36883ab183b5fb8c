package process_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// asRun makes this binary act as a run that is killed: its value is the stanza.
const asRun = "TEST_AS_RUN"

func TestMain(m *testing.M) {
	if stanza := os.Getenv(asRun); stanza != "" {
		if err := actAsRun(stanza); err != nil {
			fmt.Fprintln(os.Stdout, "error:", err)
		}
		select {} // until it is killed
	}
	os.Exit(m.Run())
}

// actAsRun does what a run does: it locks, launches, starts a cluster and a
// child that has left for a session of its own. With TEST_KEEP the sandbox is kept for that long.
func actAsRun(stanza string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := sandbox.Acquire(stanza); err != nil {
		return err
	}
	s, err := process.Provider{}.Launch(ctx, sandbox.Spec{Stanza: stanza, Run: "killed"})
	if err != nil {
		return err
	}
	script := `set -e; setsid sh -c 'cd /; exec sleep 300' >/dev/null 2>&1 &
		[ -z "$CLUSTER" ] || { cd "$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)"
		./initdb -N -A trust -D $DATA >/dev/null
		./pg_ctl -s -w start -D $DATA -l $DATA/log -o "-c listen_addresses= -c unix_socket_directories=$SOCKETS"; }`
	_, err = s.Run(ctx, host.Command{Argv: []string{"sh", "-c", script}, Env: []string{
		"CLUSTER=" + os.Getenv("TEST_CLUSTER"), "DATA=" + s.Dir("data") + "/pg", "SOCKETS=" + s.Dir("run"),
	}})
	if err != nil {
		return err
	}
	if keep, err := time.ParseDuration(os.Getenv("TEST_KEEP")); err == nil {
		if err := s.Keep(ctx, time.Now().Add(keep)); err != nil {
			return err
		}
	}
	fmt.Fprintln(os.Stdout, s.Name())
	return nil
}

// startRun starts a run in a process of its own and returns it with the path of its sandbox.
func startRun(t *testing.T, stanza string, env ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.CommandContext(soon(t), os.Args[0])
	cmd.Env = append(append(os.Environ(), asRun+"="+stanza), env...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { kill(cmd) })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.NotContains(t, line, "error:")
	return cmd, strings.TrimSpace(line)
}

func kill(cmd *exec.Cmd) {
	cmd.Process.Kill() //nolint:errcheck // it may be dead
	cmd.Wait()         //nolint:errcheck // killed
}

// reap reaps as the next run would: with the lock held.
func reap(t *testing.T, stanza string) []string {
	t.Helper()
	lock, err := sandbox.Acquire(stanza)
	require.NoError(t, err, "the kernel frees the lock of a dead run, whatever its children do")
	defer func() { assert.NoError(t, lock.Release()) }()
	lines, err := process.Provider{}.Reap(soon(t), stanza)
	require.NoError(t, err)
	return lines
}

// A killed run leaves a postmaster and children behind; the next run removes
// them all, memory and sockets included.
func TestReap_RemovesWhatAKilledRunLeft(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real cluster")
	}
	hosttest.PublicTemp(t)
	run, dir := startRun(t, "reap", "TEST_CLUSTER=yes")
	memory := sharedMemory(t, dir)
	require.NotEmpty(t, memory, "this cluster has memory outside its directory")
	kill(run)
	lines := reap(t, "reap")
	require.Len(t, lines, 1)
	assert.Contains(t, lines[0], filepath.Base(dir))
	assert.NoDirExists(t, dir)
	assert.Empty(t, processesOf(t, dir))
	assert.Empty(t, reap(t, "reap"), "nothing is left for another run")
	for _, file := range memory {
		assert.NoFileExists(t, file)
	}
}

var sharedFile = regexp.MustCompile(`/dev/shm/PostgreSQL\.\d+`)

// sharedMemory lists what the processes of a directory hold outside of it, and what a
// cluster leaves there when it is killed. Other clusters may run beside it.
func sharedMemory(t *testing.T, dir string) (files []string) {
	t.Helper()
	for _, p := range processesOf(t, dir) {
		maps, _ := process.ReadProc(p, "maps") // a process may end meanwhile
		files = append(files, sharedFile.FindAllString(string(maps), -1)...)
	}
	return files
}

// processesOf lists the processes whose environment or working directory names dir.
func processesOf(t *testing.T, dir string) (found []int) {
	t.Helper()
	pids, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	for _, p := range pids {
		pid, err := strconv.Atoi(filepath.Base(p))
		require.NoError(t, err)
		environ, _ := process.ReadProc(pid, "environ") // a process may end meanwhile
		cwd, _ := process.WorkingDirectory(pid)
		if strings.Contains(string(environ)+cwd, dir) {
			found = append(found, pid)
		}
	}
	return found
}

// Another stanza's leftovers, a kept sandbox and a living run's are not this run's to remove.
func TestReap_LeavesTheOthersAlone(t *testing.T) {
	hosttest.PublicTemp(t)
	other, otherDir := startRun(t, "other")
	kept, keptDir := startRun(t, "mine", "TEST_KEEP=1h")
	kill(other)
	kill(kept)
	own := launch(t)
	assert.Empty(t, reap(t, "mine"))
	assert.DirExists(t, otherDir)
	assert.DirExists(t, keptDir)
	assert.Empty(t, reap(t, "t"), "a run does not reap itself")
	assert.DirExists(t, own.Name())

	_, livingDir := startRun(t, "living")
	lines, err := process.Provider{}.Reap(soon(t), "")
	require.NoError(t, err)
	require.Len(t, lines, 2)
	assert.Contains(t, strings.Join(lines, "\n"), "removed "+filepath.Base(otherDir))
	assert.Contains(t, strings.Join(lines, "\n"), "left "+filepath.Base(livingDir)+" alone")
	assert.NoDirExists(t, otherDir)
	assert.DirExists(t, keptDir)
	assert.DirExists(t, livingDir)
	assert.NotEmpty(t, processesOf(t, livingDir))
	endAll(t, keptDir, livingDir)
}

// endAll kills what a test has left on purpose.
func endAll(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		for _, pid := range processesOf(t, dir) {
			assert.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		}
	}
}

// A kept sandbox is removed once its time is over.
func TestReap_RemovesAKeptOnePastItsTime(t *testing.T) {
	hosttest.PublicTemp(t)
	run, dir := startRun(t, "kept", "TEST_KEEP=-1s")
	kill(run)
	assert.Len(t, reap(t, "kept"), 1)
	assert.NoDirExists(t, dir)
}

// A run killed between the directory and its tag leaves something that is
// removed, but never more than it can have put there.
func TestReap_HalfMade(t *testing.T) {
	dir := hosttest.PublicTemp(t)
	empty := filepath.Join(dir, "veza-drill-half-0123456789abcdef")
	begun := filepath.Join(dir, "veza-drill-half-0123456789abcdee")
	foreign := filepath.Join(dir, "veza-drill-half-0123456789abcded")
	similar := filepath.Join(dir, "veza-drill-half-of-it")
	for _, d := range []string{empty, begun, foreign, similar} {
		require.NoError(t, os.Mkdir(d, 0o700))
	}
	require.NoError(t, os.WriteFile(filepath.Join(begun, ".veza-drill.json123"), []byte("{"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(foreign, "thesis.txt"), []byte("all of it"), 0o600))
	require.NoError(t, os.Symlink(foreign, filepath.Join(dir, "veza-drill-half-0123456789abcdea")))
	lines := reap(t, "half")
	assert.Len(t, lines, 3)
	assert.NoDirExists(t, empty)
	assert.NoDirExists(t, begun)
	assert.FileExists(t, filepath.Join(foreign, "thesis.txt"))
	assert.DirExists(t, similar)
	assert.Contains(t, strings.Join(lines, "\n"), "it has no tag")
}

// What another user put into a public directory is not followed, not read, not removed.
func TestReap_HostileTemp(t *testing.T) {
	if os.Geteuid() != 0 {
		return // it takes root to act as somebody else
	}
	dir := hosttest.PublicTemp(t)
	victim := filepath.Join(dir, "victim")
	require.NoError(t, os.Mkdir(victim, 0o700))
	scratch := filepath.Join(dir, "veza-drill-hostile-0123456789abcdef")
	require.NoError(t, os.Mkdir(scratch, 0o700))
	tag := filepath.Join(scratch, "veza-drill.json")
	require.NoError(t, os.WriteFile(tag, []byte(`{"stanza":"hostile","sockets":"`+victim+`"}`), 0o600))
	require.NoError(t, os.Chown(scratch, hosttest.Nobody, hosttest.Nobody))
	assert.Empty(t, reap(t, "hostile"), "the directory is somebody else's")
	require.NoError(t, os.Chown(scratch, 0, 0))
	require.NoError(t, os.Chown(tag, hosttest.Nobody, hosttest.Nobody))
	_, err := process.Provider{}.Reap(soon(t), "hostile")
	require.ErrorContains(t, err, "not a tag of this user")
	why, _ := reason.Of(err)
	assert.Equal(t, reason.SandboxFailed, why)
	require.NoError(t, os.Chown(tag, 0, 0))
	assert.Len(t, reap(t, "hostile"), 1)
	assert.NoDirExists(t, scratch)
	assert.DirExists(t, victim, "a directory of sockets has a name of ours, in /tmp")
}
