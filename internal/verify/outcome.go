package verify

import (
	"time"

	"veza.fr/recovery/internal/reason"
)

// Status is how a check ended; the value of label status.
type Status string

// Statuses of a check.
const (
	Passed   Status = "passed"
	Failed   Status = "failed"
	LeftOut  Status = "left_out"  // not begun, or not ended: neither a pass nor a failure
	NotAsked Status = "not_asked" // switched off by -deep
)

// Outcome is what became of one check: of an SQL check of the operator's, or of a deeper check.
type Outcome struct {
	Check    string
	Status   Status
	Reason   reason.Reason // of a failure; None otherwise
	Sentence string        // what was asked and found, or why the check was left out
	Notes    []string      // worth a line in the report, and no failure
	Took     time.Duration // of a deeper check
	Value    float64       // the result of an SQL check, when Numeric
	Numeric  bool

	damage reason.Reason // what the server's answer means where the query only read what is there; "" is no damage
}

// Failure is the outcome that gives the step its reason: the first failed one
// that puts the data at fault, else the first failed one, else nil. A check that
// could not be judged never hides one that found data missing.
func Failure(outcomes []Outcome) *Outcome {
	var first *Outcome
	for i := range outcomes {
		o := &outcomes[i]
		switch {
		case o.Status != Failed:
		case o.Reason.Exit() == reason.ExitFailed:
			return o
		case first == nil:
			first = o
		}
	}
	return first
}
