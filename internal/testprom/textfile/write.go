package textfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/whole"
	"veza.fr/recovery/internal/wait"
)

// lockWait bounds how long Write waits for another writer of the directory.
const lockWait = 10 * time.Second

// Write puts run into the file at path, in which other stanzas and, without a
// verdict, this stanza's last one are kept, and so is what the file tells of a
// later run. On an error the old file is untouched. The warnings say what of the
// old file could not be kept, or of the run is not told; knownRed are the claims
// that the run did not ask, and that by the old file did not hold when they were
// asked last: for them last_success stays 0. Where the old file cannot be read,
// nothing is known of them.
func Write(path string, run Run) (knownRed, warnings []string, err error) {
	if err = whole.Replaceable(path); err != nil {
		return nil, nil, err
	}
	unlock, err := wait.Directory(filepath.Dir(path), lockWait)
	if err != nil {
		return nil, nil, fmt.Errorf("write %s: %w", path, err)
	}
	defer unlock()
	old, err := readOld(path, run.Suite.Namespace)
	if err != nil {
		return nil, nil, fmt.Errorf("write %s: %w", path, err)
	}
	if run.Stanza != suite.UnknownStanza {
		old.dropUnnamed()
	}
	old.dropFutureTimes(path, run.Stanza, later(run.At, run.Now))
	knownRed = run.knownRed(old)
	if outdated := run.warnOutdated(path, &old); !outdated && len(knownRed) > 0 && run.passed() {
		old.warn("last_success stays 0: %s%s", run.again(knownRed), run.orAnew(path, old))
	}
	text, err := render(run, old)
	if err != nil {
		return knownRed, old.warnings, fmt.Errorf("write %s: %w", path, err)
	}
	return knownRed, old.warnings, whole.Replace(path, text)
}

// again says what is red and was not asked, and how it is asked.
func (r Run) again(knownRed []string) string {
	if slices.Contains(knownRed, suite.EndOfArchive) {
		return "the last drill to the end of the archive was red, and this one did not go there, or not with the " +
			"newest set: drill without -target, and with -set latest"
	}
	return strings.Join(knownRed, ", ") + " did not hold when it was asked last, and was not asked now: ask it again"
}

// orAnew is what helps where that cannot be asked any more: nothing where it is another host that knows it.
func (r Run) orAnew(path string, old oldFile) string {
	if r.Elsewhere.Red {
		return " (another host found it)"
	}
	return ", or, where that cannot be asked any more, " + r.anew(path, old)
}

// anew is what to do so that the file knows nothing of the run's stanza, and of other stanzas what it did.
func (r Run) anew(path string, old oldFile) string {
	var others []string
	for _, s := range old.series {
		if stanza := s.labels["stanza"]; stanza != r.Stanza && !slices.Contains(others, stanza) {
			others = append(others, stanza)
		}
	}
	switch slices.Sort(others); {
	case len(others) == 0:
		return "remove " + path + ", which begins anew"
	case slices.ContainsFunc(others, unnameable):
		return fmt.Sprintf("take the series of stanza %s out of %s, which tells of other stanzas, too", r.Stanza, path)
	}
	return fmt.Sprintf("let it begin anew, and keep the other stanzas that the file tells of: testprom -suite %s "+
		"-textfile %s -forget-all-but %s", r.Suite.Name, host.ShellQuote(path),
		host.ShellQuote(strings.Join(others, ",")))
}

// unnameable says whether -forget-all-but would read something else in the name of a stanza.
func unnameable(stanza string) bool {
	return strings.Contains(stanza, ",") || strings.TrimSpace(stanza) != stanza
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// CheckOld says, as early, whether the file at path may be replaced if there is one. It must be readable, for what it
// says of other stanzas goes into the new one; and metrics in it must be some suite's, or begin with own: a mistyped
// name would delete those of another program. What is no metrics file is replaced, and what else stands among ours.
func CheckOld(path, own string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: what it holds cannot be kept: %w", path, err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxOld+1))
	if err != nil || len(text) > maxOld {
		return nil // Write says so
	}
	if name := foreign(text, own); name != "" {
		return fmt.Errorf("cannot write %s: it holds %s, which is another program's: give testprom a file of its own",
			path, name)
	}
	return nil
}

// foreign is the first metric of a file that holds nothing of ours; "" where there is none.
func foreign(text []byte, own string) (first string) {
	families, err := parse(text)
	if err != nil {
		return ""
	}
	prefixes := []string{own}
	for _, s := range suite.Suites {
		prefixes = append(prefixes, s.Namespace)
	}
	for name, family := range families {
		switch {
		case len(family.GetMetric()) == 0:
		case slices.ContainsFunc(prefixes, func(p string) bool { return p != "" && strings.HasPrefix(name, p) }):
			return ""
		case first == "" || name < first:
			first = name
		}
	}
	return first
}
