package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"veza.fr/recovery/internal/pgbackrest"
)

// Lister lists what is in a directory as the user who runs PostgreSQL does, with deep also all below it: what is in a
// directory comes after it. One that is not there has nothing in it.
type Lister func(dir string, deep bool) ([]Listed, error)

// Listed is something in a directory.
type Listed struct {
	Name string // relative to the directory
	Dir  bool
}

// list is what is in a directory. Where this process may not read it, the user who runs PostgreSQL is asked: over NFS
// root is nobody.
func (ts Targets) list(dir string) ([]Listed, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrPermission) && ts.Ask != nil {
		return ts.Ask(dir, false)
	}
	list := make([]Listed, len(entries))
	for i, entry := range entries {
		list[i] = Listed{entry.Name(), entry.IsDir()}
	}
	return list, err
}

// hasFile says whether the file is there that a link leads to; what cannot be seen is not.
func (ts Targets) hasFile(t pgbackrest.ManifestTarget) bool {
	_, err := os.Lstat(filepath.Join(t.Path, t.File))
	if !errors.Is(err, fs.ErrPermission) {
		return err == nil
	}
	list, _ := ts.list(t.Path)
	return slices.ContainsFunc(list, func(l Listed) bool { return l.Name == t.File })
}

// walk calls a function with all that is in a directory and below it, and asks where this process may not read. It
// takes fs.SkipDir and fs.SkipAll for what filepath.WalkDir does.
func (ts Targets) walk(dir string, each func(path string, dir bool) error) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // what the run before left at work may just have ended
		case errors.Is(err, fs.ErrPermission) && ts.Ask != nil:
			return ts.walkAsked(path, each)
		case err != nil:
			return err
		case path == dir:
			return nil
		}
		return each(path, entry.IsDir())
	})
}

// walkAsked is walk below a directory that this process may not read; it ends with fs.SkipDir: nothing is left of it.
func (ts Targets) walkAsked(dir string, each func(path string, dir bool) error) error {
	below, err := ts.Ask(dir, true)
	if err != nil {
		return err
	}
	skipped := ""
	for _, b := range below {
		if skipped != "" && Within(b.Name, skipped) {
			continue
		}
		switch err = each(filepath.Join(dir, b.Name), b.Dir); {
		case errors.Is(err, fs.SkipDir):
			skipped = b.Name
		case err != nil:
			return err
		}
	}
	return fs.SkipDir
}
