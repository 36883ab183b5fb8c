package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"veza.fr/recovery/internal/sandbox"
)

// Kept are the scratch directories of this user in TMPDIR that -keep left and whose time is not over.
func (Provider) Kept(context.Context) ([]sandbox.Kept, error) {
	parent, err := tempDir()
	if err != nil {
		return nil, failed(err)
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return nil, failed(err)
	}
	defer root.Close() //nolint:errcheck // only a handle
	entries, err := fs.ReadDir(root.FS(), ".")
	var list []sandbox.Kept
	for _, e := range entries {
		t, ok, err2 := keptTag(root, e.Name())
		if err2 != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", filepath.Join(parent, e.Name()), err2))
		}
		if !ok {
			continue
		}
		dir := filepath.Join(parent, e.Name())
		list = append(list, sandbox.Kept{
			Name: dir, Stanza: t.Stanza, Until: t.Kept, Variables: variables(parent),
			Remove: func(ctx context.Context) error {
				if t.ownerAlive() {
					return failed(fmt.Errorf("%s: its run, process %d, is alive", dir, t.PID))
				}
				_, failure := t.remove(ctx, dir)
				return failed(failure)
			},
		})
	}
	return list, failed(err)
}

// Variables are those that lead testprom to it.
func (s *Sandbox) Variables() []string { return variables(filepath.Dir(s.dir)) }

// variables say where a TMPDIR is, unless it is that of a shell without one. Its path has no quotes (tempDir).
func variables(parent string) []string {
	switch {
	case parent == usualTemp:
		return nil
	case strings.Contains(parent, " "):
		return []string{"TMPDIR='" + parent + "'"}
	}
	return []string{"TMPDIR=" + parent}
}

// keptTag is the tag of a scratch directory of ours that is kept; false for every other name.
func keptTag(root *os.Root, name string) (t tag, kept bool, err error) {
	info, err := root.Lstat(name)
	if !scratchName.MatchString(name) || err != nil || !info.IsDir() || !ours(info) {
		return t, false, nil // not a name of ours, gone meanwhile, a link, or somebody else's
	}
	dir, err := root.OpenRoot(name)
	if err != nil {
		return t, false, err
	}
	defer dir.Close() //nolint:errcheck // only a handle
	t, err = readTag(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return t, false, nil
	}
	return t, err == nil && time.Now().Before(t.Kept), err
}
