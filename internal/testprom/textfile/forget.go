package textfile

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/whole"
	"veza.fr/recovery/internal/wait"
)

// Forget takes the series of a stanza out of the file at path, where they are from before a moment: another host has
// said something newer of it. A file that says nothing of it, or is not there, stays as it is, and so does one that
// tells of an attempt since, until now: what was found then is not yet known elsewhere. An attempt that lies ahead is
// none: a clock that was wrong once would keep the series for ever.
func (Files) Forget(path string, s suite.Suite, stanza string, before, now time.Time) error {
	_, err := forget(path, s, func(old oldFile) []string {
		for _, s := range old.carried(stanza, lastAttemptTimestamp) {
			if plausible(s.value, now) && s.value > float64(before.UnixMilli())/1000 {
				return nil
			}
		}
		return []string{stanza}
	})
	return err
}

// ForgetAllBut takes the series of all but some stanzas out of the file at path, and says of which: those are drilled
// no more, or under another name. A file without any stays as it is.
func (Files) ForgetAllBut(path string, s suite.Suite, stanzas []string) (gone []string, err error) {
	return forget(path, s, func(old oldFile) (others []string) {
		for _, s := range old.series {
			if stanza := s.labels["stanza"]; !slices.Contains(stanzas, stanza) {
				others = append(others, stanza)
			}
		}
		return others
	})
}

// forget takes the series of the stanzas that choose names out of the file at path, and says of which there were any.
func forget(path string, s suite.Suite, choose func(oldFile) []string) (gone []string, err error) {
	if err = whole.Replaceable(path); err != nil {
		return nil, err
	}
	unlock, err := wait.Directory(filepath.Dir(path), lockWait)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	defer unlock()
	old, err := readOld(path, s.Namespace)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	chosen := choose(old)
	kept := slices.DeleteFunc(slices.Clone(old.series), func(s series) bool {
		goes := slices.Contains(chosen, s.labels["stanza"])
		if goes {
			gone = append(gone, s.labels["stanza"])
		}
		return goes
	})
	if len(gone) == 0 {
		return nil, nil
	}
	slices.Sort(gone)
	text, err := text(Run{Suite: s}.families(kept, old.help))
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return slices.Compact(gone), whole.Replace(path, text)
}
