// Package whole writes files whole: built beside, flushed, renamed into place, so that a reader never
// sees half of one.
package whole

import (
	"crypto/rand"
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
// than after it: the directory takes new files, the disk their content, and what
// is there is a regular file or nothing.
func Check(path string) error {
	if err := Replaceable(path); err != nil {
		return err
	}
	probe, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".probe*")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	defer func() { _ = os.Remove(probe.Name()) }()
	if err = fill(probe); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

// Replaceable says whether what is at path is a regular file or nothing: a rename would put anything else away.
func Replaceable(path string) error {
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
	return nil
}

// probeSize is what a probe holds, in bytes: more than most textfiles and reports.
const probeSize = 64 << 10

// fill writes a probe, to the disk: a full one still takes names, and some tell of a quota only then. The content is
// random, for a disk that compresses.
func fill(probe *os.File) error {
	content := make([]byte, probeSize)
	_, _ = rand.Read(content) // never fails
	_, err := probe.Write(content)
	if err == nil {
		err = probe.Sync()
	}
	return errors.Join(err, probe.Close())
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
