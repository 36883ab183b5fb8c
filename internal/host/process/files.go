package process

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Put writes a file of the scratch directory; anything outside is refused,
// links that lead there too: this machine may be a production one.
func (h *Host) Put(ctx context.Context, path string, content []byte, mode fs.FileMode, owner string) error {
	if err := h.usable(ctx, "write", path); err != nil {
		return err
	}
	user, err := h.account(owner)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if !within(dir, h.dirs) && (h.data == "" || !within(dir, []string{h.data})) {
		return fmt.Errorf("write %s: refused: it is outside %s", path, h.dir)
	}
	return writeFile(filepath.Join(dir, filepath.Base(path)), content, mode, int(user.uid), int(user.gid))
}

// writeFile writes a file whole, with mode and owner, before it has its name.
func writeFile(path string, content []byte, mode fs.FileMode, uid, gid int) error {
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)),
		renameio.WithStaticPermissions(mode))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer f.Cleanup() //nolint:errcheck // does nothing once the file has its name
	if _, err := f.Write(content); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.Chown(uid, gid); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Read returns the content of any file this process can read.
func (h *Host) Read(ctx context.Context, path string) ([]byte, error) {
	if err := h.usable(ctx, "read", path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// usable refuses a file operation that cannot be meant.
func (h *Host) usable(ctx context.Context, verb, path string) error {
	if err := h.alive(); err != nil {
		return fmt.Errorf("%s %s: %w", verb, path, err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s: %w", verb, path, context.Cause(ctx))
	}
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%s %s: not an absolute path", verb, path)
	}
	return nil
}
