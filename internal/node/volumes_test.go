package node

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What goes to one file system is one sum, wherever in it; what goes to another is not.
func TestVolumes(t *testing.T) {
	dir := t.TempDir()
	const elsewhere = "/proc/none" // of a file system of its own, on every Linux
	require.NoError(t, os.Symlink("/proc", filepath.Join(dir, "link")))
	data := filepath.Join(dir, "zz", "pg")
	list, err := Volumes(data, map[string]int64{
		data: 1, filepath.Join(dir, "ts"): 2, elsewhere: 4, filepath.Join(dir, "link", "x"): 8,
	})
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, []any{data, int64(3)}, []any{list[0].Dir, list[0].Need})
	assert.Positive(t, list[0].Free)
	assert.Equal(t, int64(12), list[1].Need)

	list, err = Volumes(data, nil)
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Zero(t, list[0].Need)
}
