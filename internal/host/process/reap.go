package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// Names of what is made in TMPDIR and in shortTemp.
var (
	scratchName = regexp.MustCompile(`^` + sandbox.Prefix + `(.+)-[0-9a-f]{16}$`)
	socketsName = regexp.MustCompile(`^vz-[0-9a-f]{16}$`)
)

// Reap removes the scratch directories of this user in TMPDIR that no living run
// owns and that are not kept, with every process in them, and those that a
// killed run left before it could tag them. For the stanza "" it takes each
// stanza's lock itself, and leaves alone what is locked.
func (Provider) Reap(ctx context.Context, stanza string) ([]string, error) {
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
	if err != nil {
		return nil, failed(err)
	}
	var lines []string
	for _, e := range entries {
		line, err2 := reapOne(ctx, root, e.Name(), stanza)
		if err2 != nil {
			err = errors.Join(err, fmt.Errorf("reap %s: %w", filepath.Join(parent, e.Name()), err2))
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines, failed(err)
}

// reapOne looks at one name in TMPDIR and says what it did, "" for nothing.
func reapOne(ctx context.Context, root *os.Root, name, stanza string) (string, error) {
	found := scratchName.FindStringSubmatch(name)
	if found == nil {
		return "", nil
	}
	of, ok := sandbox.StanzaOf(found[1])
	if !ok || stanza != "" && of != stanza {
		return "", nil
	}
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.IsDir() || !ours(info)) {
		return "", nil // gone meanwhile, a link, or somebody else's
	}
	if err != nil {
		return "", err
	}
	if stanza == "" {
		lock, err := sandbox.Acquire(of)
		if why, _ := reason.Of(err); why == reason.Locked {
			return fmt.Sprintf("left %s alone: %v", name, err), nil
		}
		if err != nil {
			return "", err
		}
		defer lock.Release() //nolint:errcheck // the kernel frees it at the latest
	}
	return remove(ctx, root, name)
}

// remove takes one scratch directory of ours away unless somebody still wants it.
func remove(ctx context.Context, root *os.Root, name string) (string, error) {
	dir, err := root.OpenRoot(name)
	if err != nil {
		return "", err
	}
	t, err := readTag(dir)
	dir.Close() //nolint:errcheck // only a handle
	if errors.Is(err, fs.ErrNotExist) {
		if err = removeHalfMade(root, name); err != nil {
			return fmt.Sprintf("left %s alone: it has no tag: %v", name, err), nil
		}
		return fmt.Sprintf("removed %s, which a run left before it was made", name), nil
	}
	if err != nil {
		return "", err
	}
	if t.PID == os.Getpid() && t.ownerAlive() || time.Now().Before(t.Kept) {
		return "", nil
	}
	if t.ownerAlive() {
		return fmt.Sprintf("left %s alone: its run, process %d, is alive", name, t.PID), nil
	}
	ended, err := t.remove(ctx, filepath.Join(root.Name(), name))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("removed %s, left by run %q of %s, and ended %d processes in it",
		name, t.Run, t.Created.UTC().Format(time.RFC3339), ended), nil
}

// remove takes away the scratch directory dir that the tag stands in, with every process in it.
func (t tag) remove(ctx context.Context, dir string) (ended int, err error) {
	dirs := append([]string{dir}, t.sockets()...)
	pids, err := processes(inScratch(dirs...))
	if err != nil {
		return 0, err
	}
	if err := endAll(ctx, inScratch(dirs...)); err != nil {
		return 0, err
	}
	for _, d := range dirs[1:] {
		if err := os.RemoveAll(d); err != nil {
			return 0, err
		}
	}
	return len(pids), removeScratch(dirs[0])
}

// sockets is the short directory the tag names, when it is one of ours.
func (t tag) sockets() []string {
	if filepath.Dir(t.Sockets) != shortTemp || !socketsName.MatchString(filepath.Base(t.Sockets)) {
		return nil
	}
	if info, err := os.Lstat(t.Sockets); err != nil || !info.IsDir() || !ours(info) {
		return nil
	}
	return []string{t.Sockets}
}

// ours says whether a file belongs to the user of this process.
func ours(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}
