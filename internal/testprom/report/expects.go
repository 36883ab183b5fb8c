package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// ExpectsFile says, in a directory of reports, what is expected there: see expects.
const ExpectsFile = "expected.json"

// expects are the suites that are to report in a directory, and how old their verdicts may be.
type expects struct {
	Stanza string `json:"stanza"` // "" is the name of the directory
	Suites map[string]struct {
		MaxAge *float64 `json:"max_age_seconds"` // nil is what the alerts take where no list says otherwise
	} `json:"expects"`
}

// expected reads what is expected in a directory; nil where no file says so. One that expects nothing, or what nobody
// knows, is mistyped: it would take a stanza out of sight.
func expected(dir string) (*expects, error) {
	text, err := os.ReadFile(filepath.Join(dir, ExpectsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nothing is said, and nothing is wrong
	}
	if err != nil {
		return nil, err
	}
	var e expects
	read := json.NewDecoder(bytes.NewReader(text))
	read.DisallowUnknownFields()
	if err = read.Decode(&e); err != nil {
		return nil, err
	}
	if _, err = read.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows what is expected")
	}
	if len(e.Suites) == 0 {
		return nil, errors.New(`it expects nothing: {"expects": {"drill": {}}} does`)
	}
	for name, s := range e.Suites {
		if _, known := suite.Named(name); !known {
			return nil, fmt.Errorf("it expects %q, which is no suite", name)
		}
		if s.MaxAge != nil && *s.MaxAge <= 0 {
			return nil, fmt.Errorf("a verdict of %s may be %v seconds old: that is never", name, *s.MaxAge)
		}
	}
	return &e, nil
}

// due is how old a verdict of a suite may be.
func (e *expects) due(of suite.Suite) time.Duration {
	if e != nil && e.Suites[of.Name].MaxAge != nil {
		return time.Duration(*e.Suites[of.Name].MaxAge * float64(time.Second))
	}
	return of.Due
}

// missing are rows for what is expected and has no report of the stanza in a directory of this name.
func (e *expects) missing(dir, name string, rows []Row) (missing []Row) {
	if e.Stanza != "" {
		name = e.Stanza
	}
	for _, s := range suite.Suites {
		_, wanted := e.Suites[s.Name]
		of := func(r Row) bool { return r.Suite == s.Name && (e.Stanza == "" || r.Stanza == e.Stanza) }
		if wanted && !slices.ContainsFunc(rows, of) {
			missing = append(missing, never(name, dir, s))
		}
	}
	return missing
}

// never is the row of a suite that has no report in the directory of a stanza.
func never(stanza, dir string, s suite.Suite) Row {
	due := "never ran"
	if s.Name == suite.Drill.Name {
		due = "was never drilled"
	}
	return Row{Stanza: stanza, Suite: s.Name, Exit: reason.ExitEnvironment, Due: due, File: dir, apart: true}
}
