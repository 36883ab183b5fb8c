package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/reason"
)

// Lock is held by the one run of a stanza on this machine. The kernel frees it
// when its holder dies, however it dies; children do not inherit it.
type Lock struct{ held *flock.Flock }

// holder is what a lock file says about the run that holds it.
type holder struct {
	PID     int       `json:"pid"`
	User    string    `json:"user"`
	Since   time.Time `json:"since"`
	Command string    `json:"command"`
}

// Acquire takes the lock of a stanza, or fails at once: with reason locked when
// another run has it, naming that run, and with sandbox_failed when the lock file cannot be used.
func Acquire(stanza string) (*Lock, error) {
	name, err := FileName(stanza)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(os.TempDir(), Prefix+name+".lock")
	for range 10 { // somebody who cleans the directory may take the file away under our hands
		held, err := try(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, reason.Errorf(reason.Locked, "stanza %q is locked: %s (%s)", stanza, describe(path), path)
		}
		if err != nil {
			return nil, reason.Errorf(reason.SandboxFailed, "lock stanza %q: %w", stanza, err)
		}
		l := &Lock{held: held}
		if err := l.introduce(); err != nil {
			return nil, reason.Wrap(reason.SandboxFailed, errors.Join(err, held.Unlock()))
		}
		return l, nil
	}
	return nil, reason.Errorf(reason.SandboxFailed, "lock stanza %q: %s is removed again and again", stanza, path)
}

// Release gives the lock back; a second call does nothing. The file stays: removing it would
// let two runs lock two files of one name.
func (l *Lock) Release() error {
	if !l.held.Locked() {
		return nil
	}
	return errors.Join(l.write(nil), l.held.Unlock())
}

// try locks the file without waiting. The file is opened without O_CREATE, so
// that root may use a file of another user in a sticky directory
// (fs.protected_regular), and never through a symbolic link.
func try(path string) (*flock.Flock, error) {
	if err := create(path); err != nil {
		return nil, err
	}
	f := flock.New(path, flock.SetFlag(os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK))
	ok, err := f.TryLock()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, unix.EWOULDBLOCK
	}
	if err := sound(f); err != nil {
		return nil, errors.Join(err, f.Unlock())
	}
	return f, nil
}

// sound says whether what was locked is what its name means, and nothing but a
// lock file: anybody may have put something else in this place. A file that
// has lost its name is fs.ErrNotExist.
func sound(f *flock.Flock) error {
	locked, err := f.Stat()
	if err != nil {
		return err
	}
	named, err := os.Lstat(f.Path())
	if err == nil && !os.SameFile(locked, named) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return err
	}
	if s, ok := locked.Sys().(*syscall.Stat_t); !ok || !locked.Mode().IsRegular() || s.Nlink != 1 {
		return fmt.Errorf("%s is no lock file of a drill", f.Path())
	}
	return nil
}

// create makes the file unless it is there, writable for every user: the same
// stanza may be drilled by root and by a developer.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o666), f.Close())
}

// introduce writes into the lock file who holds it.
func (l *Lock) introduce() error {
	h := holder{
		PID:     os.Getpid(),
		User:    strconv.Itoa(os.Geteuid()),
		Since:   time.Now(),
		Command: filepath.Base(os.Args[0]),
	}
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	content, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return l.write(append(content, '\n'))
}

// write replaces the content of the locked file, and of no other that may stand in its place now.
func (l *Lock) write(content []byte) error {
	f, err := os.OpenFile(l.held.Path(), os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("lock file: %w", err)
	}
	defer f.Close() //nolint:errcheck // what counts is said by Write
	opened, err := f.Stat()
	if err != nil {
		return fmt.Errorf("lock file: %w", err)
	}
	locked, err := l.held.Stat()
	if err != nil || !os.SameFile(locked, opened) {
		return fmt.Errorf("lock file %s is not the one that was locked", l.held.Path())
	}
	if err = f.Truncate(0); err != nil {
		return fmt.Errorf("lock file: %w", err)
	}
	_, err = f.Write(content)
	return err
}

// describe tells who holds the lock, as far as the file says it; anybody may
// have written the file, so what it says is quoted and bounded.
func describe(path string) string {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return "its holder is not known: " + err.Error()
	}
	defer f.Close() //nolint:errcheck // only read
	var h holder
	content, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil || json.Unmarshal(content, &h) != nil {
		return "its holder has not said who it is"
	}
	since := h.Since.UTC().Format("2006-01-02 15:04:05 UTC")
	return fmt.Sprintf("held by %s, process %d of user %s, since %s", quote(h.Command), h.PID, quote(h.User), since)
}

func quote(s string) string { return strings.Trim(fmt.Sprintf("%.100q", s), `"`) }
