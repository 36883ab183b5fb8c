package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// tagName is the file that makes a directory a scratch directory of ours.
// Without it nothing is ever removed recursively.
const tagName = "veza-drill.json"

// tag says whose a scratch directory is.
type tag struct {
	Run     string    `json:"run"`
	Stanza  string    `json:"stanza"`
	UID     int       `json:"uid"`
	PID     int       `json:"pid"`
	Started string    `json:"pid_started"` // clock ticks since boot, as in /proc/PID/stat
	Created time.Time `json:"created"`
	// Kept is until when no reaper touches the directory.
	Kept time.Time `json:"kept_until,omitzero"`
	// Sockets is the short directory made beside, where TMPDIR is too deep for sockets.
	Sockets string `json:"sockets,omitempty"`
}

// write puts the tag into dir, whole.
func (t tag) write(dir string) error {
	content, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return fmt.Errorf("tag of %s: %w", dir, err)
	}
	return writeFile(filepath.Join(dir, tagName), append(content, '\n'), 0o600, os.Geteuid(), os.Getegid())
}

// ownerAlive says whether the process that made the directory still runs.
func (t tag) ownerAlive() bool {
	s := statOf(t.PID)
	return s.started != "" && s.started == t.Started && s.state != "Z"
}

// readTag reads the tag of an opened directory: a regular file of our own user,
// never a link. A directory without one gives fs.ErrNotExist.
func readTag(dir *os.Root) (tag, error) {
	info, err := dir.Lstat(tagName)
	if err != nil {
		return tag{}, err
	}
	if !info.Mode().IsRegular() || !ours(info) {
		return tag{}, fmt.Errorf("%s is not a tag of this user", filepath.Join(dir.Name(), tagName))
	}
	f, err := dir.Open(tagName)
	if err != nil {
		return tag{}, err
	}
	defer f.Close() //nolint:errcheck // only read
	content, err := io.ReadAll(io.LimitReader(f, 1<<16))
	if err != nil {
		return tag{}, err
	}
	var t tag
	if err := json.Unmarshal(content, &t); err != nil {
		return tag{}, fmt.Errorf("%s: %w", filepath.Join(dir.Name(), tagName), err)
	}
	return t, nil
}

// removeHalfMade removes a directory whose run was killed before its tag had its
// name: it holds nothing, or the tag under the name it was being written by. Anything else
// in it makes it a directory we know nothing of, and it stays.
func removeHalfMade(parent *os.Root, name string) error {
	dir, err := parent.OpenRoot(name)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // only read
	entries, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), "."+tagName) {
			return errors.New("it holds what no drill has put there")
		}
		if err := dir.Remove(e.Name()); err != nil {
			return err
		}
	}
	return parent.Remove(name)
}
