package verify

import (
	"fmt"
	"os"

	"veza.fr/recovery/internal/reason"
)

// SmokeName is the name of the check that runs when no file gives others.
const SmokeName = "users"

// Check is one question to the restored data, and the answer it must give.
type Check struct {
	Name     string // label value and part of an attribute key: no white space
	Database string
	Query    string // one statement that returns one row of one column
	Expect   Criterion

	table string // the table a missing relation is looked for under, in every database
}

// SmokeCheck counts the rows of users.
func SmokeCheck(database string, minUsers int64) Check {
	return Check{
		Name: SmokeName, Database: database, Query: "SELECT count(*) FROM users",
		Expect: Min{whole(minUsers)}, table: "users",
	}
}

// LoadChecks reads the checks of a file, which take the place of the smoke
// check; path "" is the smoke check alone. database is where a check without one
// of its own runs. The list is never empty without an error.
func LoadChecks(path, database string, minUsers int64) ([]Check, error) {
	if path == "" {
		return []Check{SmokeCheck(database, minUsers)}, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, reason.Errorf(reason.ConfigInvalid, "checks: %w", err)
	}
	return ParseChecks(path, content, database)
}

// Outcome is what became of one check.
type Outcome struct {
	Check    string
	Passed   bool
	Reason   reason.Reason // None when it passed
	Sentence string        // check, database, query, what it returned and what was expected
	Value    float64       // the result, when Numeric
	Numeric  bool
}

// Failure is the outcome that gives the step its reason: the first failed one
// that puts the data at fault, else the first failed one, else nil. A check that
// could not be judged never hides one that found data missing.
func Failure(outcomes []Outcome) *Outcome {
	return gravest(outcomes, func(o Outcome) (reason.Reason, bool) { return o.Reason, !o.Passed })
}

// gravest is the first of a list that failed and puts the data at fault, else the first that
// failed, else nil.
func gravest[T any](list []T, failed func(T) (reason.Reason, bool)) (first *T) {
	for i := range list {
		why, bad := failed(list[i])
		switch {
		case !bad:
		case why.Exit() == reason.ExitFailed:
			return &list[i]
		case first == nil:
			first = &list[i]
		}
	}
	return first
}

// where begins every sentence about a check.
func (c Check) where() string {
	return fmt.Sprintf("check %s in database %s: %s", c.Name, c.Database, clip(c.Query))
}

func (c Check) passed(v value, text string) Outcome {
	o := Outcome{Check: c.Name, Passed: true, Reason: reason.None, Sentence: c.where() + " " + text}
	o.Value, o.Numeric = v.float()
	return o
}

func (c Check) failed(r reason.Reason, text string) Outcome {
	return Outcome{Check: c.Name, Reason: r, Sentence: c.where() + " " + text}
}
