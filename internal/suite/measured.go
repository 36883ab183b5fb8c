package suite

import (
	"time"

	"veza.fr/recovery/internal/reason"
)

// ClockSetBack is how far ahead a moment may lie that an earlier run wrote: clocks are set back now and then. What lies
// further ahead is not believed.
const ClockSetBack = 5 * time.Minute

// Measured is what one run has to say in metrics.
type Measured struct {
	Suite  Suite
	Stanza string
	// Verdict is nil when nothing was learned about the backups: then the file's
	// old verdict is carried over. None is a success, any other reason a failure.
	Verdict *reason.Reason
	// Environment is what kept the run from ending as it should; None when
	// nothing did.
	Environment  reason.Reason
	At           time.Time     // when the run ended
	Now          time.Time     // when the file is written, if that is later: the run may be a recorded one
	Duration     time.Duration // of the whole run; negative when it is not known
	Steps        []StepTime
	Measurements []Value
	LeftOut      []string          // claims that were not asked because others were chosen
	Labels       map[string]string // those in Suite.InfoLabels go into the info metric
}

// StepTime is the wall clock of one step that ran.
type StepTime struct {
	Name    string
	Seconds float64
}
