package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"veza.fr/recovery/internal/wait"
)

// appendLine adds one line to a file and flushes it to disk. A last line that
// was cut, by a crash or a full disk, is closed first, so that it spoils no
// other line.
func appendLine(path string, line []byte) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("append to %s: %w", path, err)
	}
	defer func() {
		if closed := f.Close(); err == nil && closed != nil {
			err = fmt.Errorf("append to %s: %w", path, closed)
		}
	}()
	lockLine(f)
	cut, err := lastLineCut(f)
	if err != nil {
		return fmt.Errorf("append to %s: %w", path, err)
	}
	if cut {
		line = append([]byte("\n"), line...)
	}
	if _, err := f.Write(line); err != nil {
		return fmt.Errorf("append to %s: %w", path, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("append to %s: %w", path, err)
	}
	return nil
}

// checkAppend says before the run whether an existing file takes a line after it.
func checkAppend(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot append to %s: %w", path, err)
	}
	return f.Close()
}

// historyWait bounds how long a line waits for another writer's.
var historyWait = 10 * time.Second

// lockLine keeps two writers from closing each other's line; the lock is freed
// when the file is closed. A writer of ours holds it for one line only. Whoever
// else holds it, or a file system that knows no locks, does not cost the line:
// O_APPEND alone keeps lines apart.
func lockLine(f *os.File) {
	ctx, cancel := context.WithTimeout(context.Background(), historyWait)
	defer cancel()
	_ = wait.For(ctx, "another writer of "+f.Name(), 20*time.Millisecond, func(context.Context) error {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) {
			return wait.Stop(err)
		}
		return err
	})
}

func lastLineCut(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return last[0] != '\n', err
}
