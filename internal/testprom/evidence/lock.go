package evidence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"veza.fr/recovery/internal/wait"
)

// lockWait bounds how long an entry waits for another one, which takes milliseconds to write.
var lockWait = 30 * time.Second

// lock holds a ledger until its file is closed: for one writer, or for readers. Where the file system knows no locks
// there is none.
func lock(ctx context.Context, f *os.File, write bool) error {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	how := syscall.LOCK_SH
	if write {
		how = syscall.LOCK_EX
	}
	err := wait.For(ctx, "another one that writes "+f.Name(), 10*time.Millisecond, func(context.Context) error {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOSYS),
			!write && errors.Is(err, syscall.EBADF): // NFS makes locks of records, which need a file open for writing
			return nil
		case err != nil && !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return wait.Stop(err)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return nil
}
