package wait

import (
	"context"
	"os"
	"syscall"
	"time"
)

// Directory waits, so long at most, until nobody else writes the files of a directory, and keeps others waiting until
// unlock. It leaves no file behind, and the kernel frees it when the holder dies.
func Directory(dir string, limit time.Duration) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err = For(ctx, "another writer of "+dir, 20*time.Millisecond, func(context.Context) error {
		return syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	})
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	return func() { _ = d.Close() }, nil
}
