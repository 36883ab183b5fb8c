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

// A server is seen by either name that PostgreSQL is started by, in its directory and by its pid file; what else works
// there is none.
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

		named := resolved(t) // its pid file says so
		file := filepath.Join(named, "postmaster.pid")
		require.NoError(t, os.WriteFile(file, []byte(strconv.Itoa(pid)+"\n"+named+"\n"), 0o600))
		found, err = serverIn(named)
		require.NoError(t, err)
		assert.Equal(t, want, found, program)
	}
}
