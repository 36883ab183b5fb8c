package node

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// started is a process that works in a directory and whose program has a name, until the test ends.
func started(t *testing.T, program, dir string) int {
	t.Helper()
	cat, err := exec.LookPath("cat")
	require.NoError(t, err)
	named := filepath.Join(t.TempDir(), program)
	require.NoError(t, os.Symlink(cat, named))
	process := exec.CommandContext(t.Context(), named)
	process.Args, process.Dir = []string{"cat"}, dir // a program of many names goes by the first argument
	in, err := process.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = process.Wait()
	})
	return process.Process.Pid
}

// A server is seen in its directory by either name that PostgreSQL is started by, whatever name it has the directory
// by; what else works there is none.
func TestServerIn(t *testing.T) {
	for program, server := range map[string]bool{"postgres": true, "postmaster": true, "postmas": false} {
		dir := resolved(t)
		pid := started(t, program, dir)
		want := 0
		if server {
			want = pid
		}
		found, err := serverIn(dir)
		require.NoError(t, err)
		assert.Equal(t, want, found, program)
		require.NoError(t, os.Rename(dir, dir+".moved")) // it works in what was moved
		found, err = serverIn(dir + ".moved")
		require.NoError(t, err)
		assert.Equal(t, want, found, program)
		require.NoError(t, os.Mkdir(dir, 0o700))
		found, err = serverIn(dir)
		require.NoError(t, err)
		assert.Zero(t, found, program)
	}
}

// A pid file that a crash has left names whoever has that number by now: another cluster's server is not this one's.
func TestServerIn_StalePidFile(t *testing.T) {
	named, elsewhere := resolved(t), resolved(t)
	pid := started(t, "postgres", elsewhere)
	file := filepath.Join(named, PidFile)
	require.NoError(t, os.WriteFile(file, []byte(strconv.Itoa(pid)+"\n"+named+"\n"), 0o600))
	found, err := serverIn(named)
	require.NoError(t, err)
	assert.Zero(t, found)
	own := started(t, "postgres", named)
	found, err = serverIn(named)
	require.NoError(t, err)
	assert.Equal(t, own, found, "one that works there is, whatever the file says")
}

// What lives in a directory: a server, whatever lies there, or a cluster that is stopped.
func TestLives(t *testing.T) {
	dir := resolved(t)
	process, cluster := Lives(dir)
	assert.False(t, process != 0 || cluster)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "PG_VERSION"), nil, 0o600))
	process, cluster = Lives(dir)
	assert.True(t, process == 0 && cluster)
	process, cluster = Lives(dir + "/none")
	assert.False(t, process != 0 || cluster)
	other := resolved(t)
	pid := started(t, "postgres", other)
	process, cluster = Lives(other)
	assert.True(t, process == pid && cluster)
}
