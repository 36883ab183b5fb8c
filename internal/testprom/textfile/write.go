package textfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/renameio/v2"

	"veza.fr/recovery/internal/wait"
)

// Mode of every file written here: node_exporter runs as another user.
const Mode = 0o644

// lockWait bounds how long Write waits for another writer of the directory.
const lockWait = 10 * time.Second

// Write puts run into the file at path, in which other stanzas and, without a
// verdict, this stanza's last one are kept. On an error the old file is
// untouched. The warnings say what of the old file could not be kept.
func Write(path string, run Run) (warnings []string, err error) {
	if err = Check(path); err != nil {
		return nil, err
	}
	unlock, err := lock(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	defer unlock()
	old, err := readOld(path, run.Suite.Namespace)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	old.dropFutureTimes(path, run.Stanza, later(run.At, run.Now))
	text, err := render(run, old)
	if err != nil {
		return old.warnings, fmt.Errorf("write %s: %w", path, err)
	}
	return old.warnings, Replace(path, text)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// Replace writes a file whole: beside, under a name the collector does not read,
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
	return syncDirectory(filepath.Dir(path))
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

// CheckOld says, as early, whether the file at path can be read if there is one:
// what it says of other stanzas goes into the new one.
func CheckOld(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: what it holds cannot be kept: %w", path, err)
	}
	return f.Close()
}

func kind(info fs.FileInfo) string {
	if info.IsDir() {
		return "directory"
	}
	return "special file"
}

// lock keeps two writers of one directory from losing each other's series; it
// leaves no file behind, and the kernel frees it when the holder dies.
func lock(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	err = wait.For(ctx, "another writer of "+dir, 50*time.Millisecond, func(context.Context) error {
		return syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	})
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	return func() { _ = d.Close() }, nil
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
