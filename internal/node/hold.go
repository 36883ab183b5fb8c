package node

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// Hold locks the data directory and those apart from it, which must be there. The mark is of one data directory, and
// two restores may share another: then the reason is locked.
func (c *Claim) Hold(ts Targets) error {
	for _, dir := range ts.dirs() {
		if err := c.hold(dir); err != nil {
			return err
		}
	}
	return nil
}

// hold locks a directory. One that this process may not open it does without.
func (c *Claim) hold(dir string) error {
	open, err := holdDir(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err == nil {
		c.opened = append(c.opened, open)
	}
	return err
}

// Free says whether no other restore is at work in the directories, as far as they are there.
func (ts Targets) Free() error {
	for _, dir := range ts.dirs() {
		open, err := holdDir(dir)
		if why, _ := reason.Of(err); why == reason.Locked {
			return err
		}
		if open != nil {
			_ = open.Close() // only asked
		}
	}
	return nil
}

// dirs are the directories that are a restore's alone: what a link to one file leads to may be anybody's.
func (ts Targets) dirs() []string {
	list := []string{ts.Data}
	for _, t := range ts.List {
		if t.File == "" {
			list = append(list, t.Path)
		}
	}
	return list
}

// holdDir locks a directory. The lock goes with the process. A file system that has none for directories has none.
func holdDir(dir string) (*os.File, error) {
	open, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, reason.Wrap(reason.ConfigInvalid, err)
	}
	if errors.Is(unix.Flock(int(open.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK) {
		_ = open.Close() // nothing is lost
		return nil, reason.Errorf(reason.Locked, "another restore is at work in %s", pgbackrest.Printable(dir))
	}
	return open, nil
}
