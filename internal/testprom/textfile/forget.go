package textfile

import (
	"fmt"
	"path/filepath"
	"slices"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/whole"
)

// Forget takes the series of a stanza out of the file at path: another host has said something newer of it. A file
// that says nothing of it, or is not there, stays as it is.
func (Files) Forget(path string, s suite.Suite, stanza string) error {
	unlock, err := lock(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer unlock()
	old, err := readOld(path, s.Namespace)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if !slices.ContainsFunc(old.series, func(s series) bool { return s.labels["stanza"] == stanza }) {
		return nil
	}
	text, err := text(Run{Suite: s, Stanza: stanza}.families(old.others(stanza), old.help))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return whole.Replace(path, text)
}
