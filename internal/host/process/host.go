// Package process is the host that needs nothing but this machine: commands are
// processes of their own in a scratch directory, and everything they leave
// behind is found again by that directory.
package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"veza.fr/recovery/internal/host"
)

// Bounds on what is waited for when something has to end.
const (
	quitTime = 3 * time.Second // a postmaster asked to stop at once, before it is killed
	killTime = 5 * time.Second // a killed process, until the kernel has taken it away
)

// Host is one scratch directory on this machine and all that runs in it.
type Host struct {
	dir  string   // the scratch directory, every symbolic link resolved
	dirs []string // dir, and the short directory of the sockets where there is one
	data string   // a data directory elsewhere that may be written to, "" for none; see Node
	user account  // who commands run as

	mu       sync.Mutex
	commands int                     // started so far: the number of the next one
	running  sync.WaitGroup          // commands that have not returned
	life     context.Context         // ends when the host is destroyed
	end      context.CancelCauseFunc // ends life
}

var _ host.Host = (*Host)(nil)

// newHost makes a host of an existing directory.
func newHost(dir string, user account) *Host {
	h := &Host{dir: dir, dirs: []string{dir}, user: user}
	h.life, h.end = context.WithCancelCause(context.Background())
	return h
}

// Name is the path of the scratch directory.
func (h *Host) Name() string { return h.dir }

// alive is ErrDestroyed once the host is.
func (h *Host) alive() error {
	if h.life.Err() != nil {
		return fmt.Errorf("%s: %w", h.dir, host.ErrDestroyed)
	}
	return nil
}

// begin registers one command: its number, and a context that Destroy ends too.
func (h *Host) begin(ctx context.Context) (context.Context, int, func(), error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.alive(); err != nil {
		return nil, 0, nil, err
	}
	h.commands++
	h.running.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	release := context.AfterFunc(h.life, func() { cancel(host.ErrDestroyed) })
	done := func() {
		release()
		cancel(nil)
		h.running.Done()
	}
	return ctx, h.commands, done, nil
}

// Dial connects to an address on this machine: the host shares its network.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := h.alive(); err != nil {
		return nil, err
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

// Destroy ends the commands under way and every process left in the scratch
// directory, a postmaster included, and removes the directory.
func (h *Host) Destroy(ctx context.Context) error {
	h.mu.Lock()
	h.end(host.ErrDestroyed)
	h.mu.Unlock()
	h.running.Wait() // bounded: each command is killed, and waited for at most killTime
	if err := endAll(ctx, inScratch(h.dirs...)); err != nil {
		return fmt.Errorf("destroy %s: %w", h.dir, err)
	}
	for _, dir := range h.dirs[1:] {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("destroy %s: %w", h.dir, err)
		}
	}
	if err := removeScratch(h.dir); err != nil {
		return fmt.Errorf("destroy %s: %w", h.dir, err)
	}
	return nil
}

// removeScratch removes a scratch directory, the tag last: whoever is killed
// half-way leaves something that the next run still knows as its own.
func removeScratch(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == tagName {
			continue
		}
		if err := removeAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return os.RemoveAll(dir)
}

// removeAll removes a tree of our own, also where a directory in it was made
// read-only: pg_tblspc is while WAL is replayed.
func removeAll(dir string) error {
	if err := os.RemoveAll(dir); !errors.Is(err, fs.ErrPermission) {
		return err
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o700) //nolint:gosec // a directory
		}
		return err
	})
	return errors.Join(err, os.RemoveAll(dir))
}
