package bench

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A listing by folders shows folders; a symbolic link is no object.
func TestShelf_ListsFolders(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"r/x/1", "r/x/2", "r/y"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
	}
	require.NoError(t, os.Symlink("x", filepath.Join(dir, "r", "latest")))
	s, err := newShelf(dir)
	require.NoError(t, err)
	prefix := gofakes3.NewFolderPrefix("r/")
	list, err := s.ListBucket("any", &prefix, gofakes3.ListBucketPage{})
	require.NoError(t, err)
	require.Len(t, list.Contents, 1)
	assert.Equal(t, "r/y", list.Contents[0].Key)
	assert.EqualValues(t, 3, list.Contents[0].Size)
	require.Len(t, list.CommonPrefixes, 1)
	assert.Equal(t, "r/x/", list.CommonPrefixes[0].Prefix)
	_, err = s.GetObject("any", "r/x", nil)
	require.Error(t, err, "a folder is no object")
}
