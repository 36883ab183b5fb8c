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

	table   string // the table a missing relation is looked for under, in every database
	assumed bool   // nobody asked for it
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

// subject begins every sentence about a check.
func (c Check) subject() string {
	return fmt.Sprintf("check %s in database %s: %s", c.Name, c.Database, excerpt(c.Query))
}

func (c Check) passed(v value, text string) Outcome {
	o := Outcome{Check: c.Name, Status: Passed, Reason: reason.None, Sentence: c.subject() + " " + text}
	o.Value, o.Numeric = v.float()
	return o
}

// unsaid is the outcome of a check that nobody asked for, whose table is nowhere.
func (c Check) unsaid(text string) Outcome {
	return Outcome{
		Check: c.Name, Status: LeftOut, Reason: reason.ConfigInvalid,
		Sentence: "nothing says what must be there: there is neither -checks nor a minimum of users; " +
			c.subject() + " " + text,
	}
}

func (c Check) failed(r reason.Reason, text string) Outcome {
	return Outcome{Check: c.Name, Status: Failed, Reason: r, Sentence: c.subject() + " " + text}
}
