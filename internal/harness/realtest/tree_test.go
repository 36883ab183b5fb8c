package realtest

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// trees is all there is in some directories. The kernel's change time tells of every write, and of what was renamed,
// linked, given away or had its mode changed, also where nothing else would: nobody can set it.
func trees(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := os.Lstat(path)
			if err != nil {
				return err
			}
			stat, _ := info.Sys().(*syscall.Stat_t)
			found[path] = fmt.Sprint(info.Mode(), " inode ", stat.Ino, " size ", stat.Size, " changed ", stat.Ctim)
			return nil
		})
		require.NoError(t, err)
	}
	return found
}

// changed are the paths that are not as they were.
func changed(before, after map[string]string) (paths []string) {
	all := maps.Clone(before)
	maps.Copy(all, after)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if before[path] != after[path] {
			paths = append(paths, path)
		}
	}
	return paths
}
