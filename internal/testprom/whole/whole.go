// Package whole writes files whole: built beside, flushed, renamed into place, so that a reader never
// sees half of one.
package whole

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Mode of every file written here: node_exporter runs as another user.
const Mode = 0o644

// Replace writes a file whole: beside, under a name node_exporter does not read,
// flushed to disk, then renamed.
func Replace(path string, content []byte) error {
	pending, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)),
		renameio.WithStaticPermissions(Mode))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() { _ = pending.Cleanup() }()
	if _, err := pending.Write(content); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return SyncDirectory(filepath.Dir(path))
}

// Check says whether a file can be written at path, before a long run rather
// than after it: the directory takes new files, and what is there is a regular
// file or nothing.
func Check(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("cannot write %s: %w", path, err)
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("cannot write %s: it is a symbolic link, and the rename would replace the link alone; "+
			"name its target", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("cannot write %s: it is a %s, not a file", path, kind(info))
	}
	probe, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".probe*")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	_ = probe.Close()
	return os.Remove(probe.Name())
}

func kind(info fs.FileInfo) string {
	if info.IsDir() {
		return "directory"
	}
	return "special file"
}

// SyncDirectory has the disk keep the names in a directory: a rename is kept only then.
func SyncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
