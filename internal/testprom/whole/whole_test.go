package whole

import (
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A file is replaced whole, readable for all, and nothing else stays in the directory.
func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	require.NoError(t, os.WriteFile(path, []byte("old and longer"), 0o600))
	require.NoError(t, Check(path))
	require.NoError(t, Replace(path, []byte("new")))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "new", string(text))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.EqualValues(t, Mode, info.Mode().Perm())
	all, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, all, 1)
}

// What cannot be written is found before a run: nothing is begun whose result would be lost.
func TestCheck_Refuses(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Symlink(dir+"/target", dir+"/link"))
	for path, want := range map[string]string{
		dir:                 "it is a directory, not a file",
		dir + "/link":       "it is a symbolic link",
		dir + "/none/there": "cannot write " + dir + "/none/there",
		"/dev/null":         "it is a special file, not a file",
	} {
		require.ErrorContains(t, Check(path), want)
	}
}

// A full disk still takes names: whether it takes bytes is found before a run too. RLIMIT_FSIZE stands in for the disk.
func TestCheck_WritesBytes(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Check(filepath.Join(dir, "report.json")))
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	signal.Ignore(syscall.SIGXFSZ) // the write fails then, and the process goes on
	defer signal.Reset(syscall.SIGXFSZ)
	full := syscall.Rlimit{Cur: 4096, Max: limit.Max}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full))
	err := Check(filepath.Join(dir, "report.json"))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	require.ErrorIs(t, err, syscall.EFBIG)
	assert.ErrorContains(t, err, "cannot write "+dir+"/report.json")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "no probe stays, whatever became of it")
}
