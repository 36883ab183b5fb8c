package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/google/renameio/v2"
)

// places are the lab's files on this machine.
type places struct {
	conf  string // the host's pgbackrest.conf
	ca    string // where the conf finds the store's authority, here and on the nodes
	state string // directory of the lab's own copies
}

// confFile and caFile are their names, in places and in the directory of copies.
const (
	confFile = "pgbackrest.conf"
	caFile   = "lab-ca.crt"
	etc      = "/etc/pgbackrest"
)

// usual are the places of this machine.
func usual() (places, error) {
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		var err error
		if base, err = os.UserCacheDir(); err != nil {
			return places{}, fmt.Errorf("directory for the lab's files: %w: set HOME", err)
		}
	}
	return places{
		conf: filepath.Join(etc, confFile), ca: filepath.Join(etc, caFile),
		state: filepath.Join(base, "veza-drill", "lab"),
	}, nil
}

// copyOf is the lab's own copy of the conf or the CA.
func (p places) copyOf(name string) string { return filepath.Join(p.state, name) }

// install writes CA and conf, with a copy of both; a foreign conf at the host's place is
// left alone, and installed is then false.
func (p places) install(conf, ca []byte) (installed bool, err error) {
	if err := os.MkdirAll(p.state, 0o755); err != nil {
		return false, err
	}
	if err := os.MkdirAll(filepath.Dir(p.ca), 0o755); err != nil {
		return false, err
	}
	for _, file := range []struct {
		path    string
		content []byte
		mode    fs.FileMode
	}{
		{p.ca, ca, 0o644},
		{p.conf, conf, 0o640},
		{p.copyOf(caFile), ca, 0o644},
		{p.copyOf(confFile), conf, 0o640},
	} {
		mine, err := owned(file.path)
		switch {
		case err != nil:
			return false, err
		case mine:
			err = write(file.path, file.content, file.mode)
		case file.path != p.conf:
			err = fmt.Errorf("%s is there and is not the lab's: move it away", file.path)
		}
		if err != nil {
			return false, err
		}
	}
	return owned(p.conf)
}

// restore puts back what was lost at the host's places, from the copies.
func (p places) restore() error {
	ca, err := os.ReadFile(p.copyOf(caFile))
	if err != nil {
		return err
	}
	conf, err := os.ReadFile(p.copyOf(confFile))
	if err != nil {
		return err
	}
	_, err = p.install(conf, ca)
	return err
}

// active is the conf to drill with: the host's when it is the lab's, else the copy.
// Without either the error wraps fs.ErrNotExist.
func (p places) active() (string, error) {
	for _, path := range []string{p.conf, p.copyOf(confFile)} {
		if content, err := os.ReadFile(path); err == nil && marked(content) {
			return path, nil
		}
	}
	return "", fmt.Errorf("the lab's pgbackrest.conf: %w (neither %s nor %s is it)", fs.ErrNotExist, p.conf,
		p.copyOf(confFile))
}

// remove removes what install wrote, the directory too when nothing else is in it.
func (p places) remove() error {
	var all error
	for _, path := range []string{p.conf, p.ca} {
		mine, err := owned(path)
		if err == nil && mine {
			err = os.Remove(path)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	_ = os.Remove(filepath.Dir(p.conf)) // somebody else's files keep it
	return errors.Join(all, os.RemoveAll(p.state))
}

// owned says whether a file may be written and removed: it is the lab's, or not there.
func owned(path string) (bool, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return err == nil && marked(content), err
}

// write writes a file whole. What is closed to others is open to the group of user
// postgres, whom pgbackrest runs as.
func write(path string, content []byte, mode fs.FileMode) error {
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)),
		renameio.WithStaticPermissions(mode))
	if err != nil {
		return err
	}
	defer f.Cleanup() //nolint:errcheck // does nothing once the file has its name
	if _, err := f.Write(content); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if gid := postgresGroup(); mode&0o007 == 0 && gid >= 0 {
		if err := f.Chown(-1, gid); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return f.CloseAtomicallyReplace()
}

// postgresGroup is the group of user postgres, -1 where there is no such user or no
// right to give files away.
func postgresGroup() int {
	account, err := user.Lookup("postgres")
	if err != nil || os.Geteuid() != 0 {
		return -1
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return -1
	}
	return gid
}

// own puts the mark at the top of a file; pgbackrest and PEM both take it for a comment.
func own(content []byte) []byte { return append([]byte(mark+"\n"), content...) }
