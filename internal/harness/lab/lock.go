package lab

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/gofrs/flock"
)

// lockFile is this machine's, as the lab is; the kernel frees it when its holder dies.
const lockFile = "/run/lock/veza-lab.lock"

// acquire keeps everybody else from making or removing the lab until release.
func acquire(path string) (release func() error, err error) {
	lock := flock.New(path)
	held, err := lock.TryLock()
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("lock the lab: %w: run this as root", err)
	case err != nil:
		return nil, fmt.Errorf("lock the lab: %w", err)
	case !held:
		return nil, fmt.Errorf("somebody else is making or removing the lab right now (%s is locked): "+
			"try again when that has ended", path)
	}
	return lock.Unlock, nil
}
