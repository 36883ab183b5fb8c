// Package textfile writes what a run proved as one file for node_exporter's
// textfile collector: built whole, parsed again, and renamed into place, so that
// a reader never sees half of it.
//
// It knows no JSON and no event stream, and of the suite only the suite.Suite
// handed to it.
package textfile

import (
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// Run is what one run has to say in metrics.
type Run struct {
	Suite  suite.Suite
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
	Steps        []Step
	Measurements []suite.Value
	Labels       map[string]string // those in Suite.InfoLabels go into the info metric
}

// Step is the wall clock of one step that ran.
type Step struct {
	Name    string
	Seconds float64
}

// Metrics every suite has, besides those it defines itself.
const (
	lastSuccess          = "last_success"
	lastRunTimestamp     = "last_run_timestamp_seconds"
	lastSuccessTimestamp = "last_success_timestamp_seconds"
	lastAttemptTimestamp = "last_attempt_timestamp_seconds"
	environmentError     = "environment_error"
	duration             = "duration_seconds"
	stepDuration         = "step_duration_seconds"
	info                 = "info"
)

// help texts must be the same to the letter in every file that holds the
// metric, or node_exporter drops the later one (facts D).
var help = map[string]string{
	lastSuccess:          "1 when the last run that reached a verdict passed, else 0; the reason is none on a pass.",
	lastRunTimestamp:     "Unix time of the last run that reached a verdict.",
	lastSuccessTimestamp: "Unix time of the last run that passed.",
	lastAttemptTimestamp: "Unix time of the last run, whether it reached a verdict or not.",
	environmentError: "1 when the environment kept the last run from a verdict or from cleaning up, " +
		"else 0 with the reason none.",
	duration:     "Wall clock of the whole run.",
	stepDuration: "Wall clock of each step.",
	info:         "What was tested, and with what; always 1.",
}

// Definitions are all metrics of a suite, in the order of the file, for whoever
// documents them or checks alerts against them.
func Definitions(s suite.Suite) []suite.Definition {
	list := []suite.Definition{
		{Name: lastSuccess, Help: help[lastSuccess], Labels: []string{"reason"}},
		{Name: lastRunTimestamp, Help: help[lastRunTimestamp]},
		{Name: lastSuccessTimestamp, Help: help[lastSuccessTimestamp]},
		{Name: lastAttemptTimestamp, Help: help[lastAttemptTimestamp]},
		{Name: environmentError, Help: help[environmentError], Labels: []string{"reason"}},
		{Name: duration, Help: help[duration]},
		{Name: stepDuration, Help: help[stepDuration], Labels: []string{"step"}},
		{Name: info, Help: help[info], Labels: s.InfoLabels},
	}
	return append(list, s.Metrics...)
}
