// Package state is the file of -state: what runs remember of each other, in sections that know nothing of one
// another. A drill and the backup checks of one stanza may write it at the same time.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"veza.fr/recovery/internal/wait"
)

const (
	mode     = 0o644 // everybody may read it: it holds labels of backups and names of files, no secrets
	maxBytes = 256 << 20
	lockWait = 10 * time.Second
)

// Read reads a section into to. A file that is not there, and a section that is not, leave it as it is.
func Read(path, section string, to any) error {
	sections, err := read(path)
	if err == nil && sections[section] != nil {
		err = json.Unmarshal(sections[section], to)
	}
	if err != nil {
		return fmt.Errorf("-state %s cannot be read: %w", path, err)
	}
	return nil
}

// Aside is added to the name of a file that could not be read when another takes its place: what it held may be missed.
const Aside = ".unreadable"

// Update reads a section into of, has it changed, and writes it; the other sections stay. A file that cannot be read is
// set aside, and begun anew.
func Update(path, section string, of any, change func()) error {
	unlock, err := wait.Directory(filepath.Dir(path), lockWait)
	if err != nil {
		return fmt.Errorf("-state: %w", err)
	}
	defer unlock()
	sections, err := read(path)
	if err != nil {
		if err = setAside(path); err != nil {
			return fmt.Errorf("-state: %w", err)
		}
		sections = map[string]json.RawMessage{}
	}
	if sections[section] != nil {
		_ = json.Unmarshal(sections[section], of) // as above
	}
	change()
	if sections[section], err = json.Marshal(of); err != nil {
		return fmt.Errorf("-state: %w", err)
	}
	content, err := json.MarshalIndent(sections, "", "  ")
	if err == nil {
		err = renameio.WriteFile(path, append(content, '\n'), mode, renameio.WithTempDir(filepath.Dir(path)),
			renameio.WithStaticPermissions(mode))
	}
	if err != nil {
		return fmt.Errorf("-state: %w", err)
	}
	return nil
}

func setAside(path string) error {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", path)
	}
	if err != nil {
		return err
	}
	return os.Rename(path, path+Aside)
}

func read(path string) (sections map[string]json.RawMessage, err error) {
	sections = map[string]json.RawMessage{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return sections, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err == nil && len(content) > maxBytes {
		err = fmt.Errorf("it has more than %d bytes", maxBytes)
	}
	if err == nil {
		err = json.Unmarshal(content, &sections)
	}
	if err == nil && sections == nil {
		err = errors.New("it holds null")
	}
	maps.DeleteFunc(sections, func(_ string, content json.RawMessage) bool { return string(content) == "null" })
	return sections, err
}
