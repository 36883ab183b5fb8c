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
	unlock, err := wait.Directory(filepath.Dir(path), lockWait)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer unlock()
	old, err := readOld(path, s.Namespace)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	theirs := func(s series) bool { return s.labels["stanza"] == stanza }
	since := func(s series) bool {
		return theirs(s) && s.name == lastAttemptTimestamp && plausible(s.value, now) &&
			s.value > float64(before.UnixMilli())/1000
	}
	if !slices.ContainsFunc(old.series, theirs) || slices.ContainsFunc(old.series, since) {
		return nil
	}
	text, err := text(Run{Suite: s, Stanza: stanza}.families(old.others(stanza), old.help))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return whole.Replace(path, text)
}
