// Package textfile writes what a run proved as one file for node_exporter's
// textfile collector: built whole, parsed again, and renamed into place, so that
// a reader never sees half of it.
//
// It knows no JSON and no event stream, and of the suite only the suite.Suite
// handed to it.
package textfile

import "veza.fr/recovery/internal/suite"

// Run is what one run has to say in metrics.
type Run suite.Measured

// Step is the wall clock of one step that ran.
type Step = suite.StepTime

// Files is this package as testprom is handed it: a program that writes no textfile does not compile
// Prometheus.
type Files struct{}

// Write is the function of that name.
func (Files) Write(path string, run suite.Measured) (knownRed, warnings []string, err error) {
	return Write(path, Run(run))
}

// CheckOld is the function of that name.
func (Files) CheckOld(path string) error { return CheckOld(path, "") }

// Holds is the function of that name.
func (Files) Holds(path, namespace string) bool { return Holds(path, namespace) }

// Stanza is the function of that name.
func (Files) Stanza(path, namespace string) string { return Stanza(path, namespace) }

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
