// Package report is what testprom says of a run as JSON: the file of -report, and a line of -history. One type is
// written and read. A Fleet is made of the reports of many stanzas: which verdict each of them has, how old it is, and
// what is due.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// Schema is the version of the report: fields are added freely, and the number changes when one changes its meaning or
// goes.
const Schema = 1

// Report is one run.
type Report struct {
	Schema   int               `json:"schema"`
	Suite    string            `json:"suite"`
	Stanza   string            `json:"stanza"`
	Verdict  string            `json:"verdict"` // pass, fail or environment, as the exit status 0, 1 or 2
	Exit     int               `json:"exit_status"`
	Backups  string            `json:"backups"` // restored (of checks: sound, sound_in_part), at_fault or unknown
	Reason   reason.Reason     `json:"reason"`
	Sentence string            `json:"sentence"`
	Next     string            `json:"next,omitempty"`
	Step     string            `json:"step,omitempty"`
	Detail   string            `json:"detail,omitempty"`
	Begin    time.Time         `json:"started"`
	End      time.Time         `json:"ended"`
	Duration *float64          `json:"duration_seconds,omitempty"`
	Compiled *float64          `json:"compile_seconds,omitempty"` // before the run began; no part of its duration
	Status   *int              `json:"command_exit_status,omitempty"`
	Steps    []Step            `json:"steps"`
	KnownRed []string          `json:"known_red,omitempty"`    // claims not asked that did not hold when asked last
	Last     *Known            `json:"last_verdict,omitempty"` // of before, where this run reached none on now
	Values   []Value           `json:"measurements"`
	Labels   map[string]string `json:"labels"`
	Notes    []string          `json:"notes,omitempty"`
	Problems []string          `json:"doubts,omitempty"` // everything that speaks against a pass
	Warnings []string          `json:"warnings,omitempty"`
	Output   []string          `json:"output,omitempty"` // the last lines that belong to no step; not in the history
}

// Step is one part of a run.
type Step struct {
	Name    string        `json:"name"`
	Outcome string        `json:"outcome"` // passed, failed, skipped, missing, unfinished, not asked, left out
	Seconds *float64      `json:"seconds,omitempty"`
	Reason  reason.Reason `json:"reason,omitempty"`
	Detail  string        `json:"detail,omitempty"`
	// Output is the last lines of a step that did not pass; it is not in the history.
	Output []string `json:"output,omitempty"`
}

// Value is one measurement.
type Value struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	Value  float64           `json:"value"`
}

// verdicts are the words for an exit status.
var verdicts = []string{reason.ExitPass: "pass", reason.ExitFailed: "fail", reason.ExitEnvironment: "environment"}

// VerdictOf is the word for an exit status of a run.
func VerdictOf(exit int) string { return verdicts[exit] }

// ErrOther is JSON that is no report of ours.
var ErrOther = errors.New("is no report of a drill or of backup checks")

// Parse reads a report. One that contradicts itself is refused: nobody takes it for a pass.
func Parse(text []byte) (r Report, err error) {
	if err = json.Unmarshal(text, &r); err != nil {
		return r, err
	}
	if _, known := suite.Named(r.Suite); !known || r.Schema == 0 {
		return r, ErrOther
	}
	return r, r.sound()
}

func (r Report) sound() error {
	want := slices.Index(verdicts, r.Verdict)
	switch {
	case r.Schema != Schema:
		return fmt.Errorf("its schema is %d: another version of testprom wrote it", r.Schema)
	case want < 0 || want != r.Exit || (r.Exit == reason.ExitPass || r.Unwritten()) != (r.Reason == reason.None):
		return fmt.Errorf("its verdict %q, exit status %d and reason %q contradict each other", r.Verdict, r.Exit,
			r.Reason)
	case r.Last != nil && !r.Last.sound():
		return errors.New("what it says of the verdict before it contradicts itself")
	case r.Stanza == "" || r.End.IsZero():
		return errors.New("it names no stanza, or not when it ended")
	}
	return nil
}

// Elsewhere is the report of a verdict, of exit status 0 or 1, that another host reached: what is known here of it.
// Of a red one no reason is.
func Elsewhere(of, stanza, detail string, at time.Time, exit int) Report {
	r := Report{
		Schema: Schema, Suite: of, Stanza: stanza, Verdict: VerdictOf(exit), Exit: exit, Backups: Unknown,
		Sentence: "Another host reached this verdict.", Detail: detail, Begin: at.UTC(), End: at.UTC(),
		Steps: []Step{}, Values: []Value{},
		Labels: map[string]string{elsewhere: "true"},
	}
	if exit == reason.ExitPass {
		r.Reason = reason.None
	}
	return r
}

// elsewhere is the label of a report that another host's run made.
const elsewhere = "elsewhere"

// Passed says whether the run proved all that it was asked.
func (r Report) Passed() bool { return r.Exit == reason.ExitPass }

// Unwritten says whether the run passed, and something that was to be written could not be: its exit status is 2 then,
// and its reason that of a pass.
func (r Report) Unwritten() bool {
	of, _ := suite.Named(r.Suite)
	return r.Exit == reason.ExitEnvironment && r.Reason == reason.None &&
		!slices.Contains([]string{"", Unknown, of.Words.AtFaultWord()}, r.Backups)
}

// InPart is what the word of Backups ends with where only a part was asked for, and holds.
const InPart = "_in_part"

// InPart says whether the run was of chosen claims alone.
func (r Report) InPart() bool { return strings.HasSuffix(r.Backups, InPart) }

// Past is the moment of the repository that the run speaks of; "" is now.
func (r Report) Past() string { return r.Labels[suite.PastLabel] }

// NotOfNow is why the run says nothing of the backups of now, "" where it does.
func (r Report) NotOfNow() string {
	switch past, left := r.Past(), r.Labels[suite.LeftLabel]; {
	case past != "":
		return "is of the repository as it was at " + past
	case left != "":
		return "is of " + left + ", of a cluster before a stanza-upgrade"
	}
	return ""
}

// Value is a measurement, by any labels; nil where there is none.
func (r Report) Value(name string) *float64 {
	for _, v := range r.Values {
		if v.Name == name {
			return &v.Value
		}
	}
	return nil
}

// Seconds is how long a step took; nil where that is not known.
func (r Report) Seconds(step string) *float64 {
	for _, s := range r.Steps {
		if s.Name == step {
			return s.Seconds
		}
	}
	return nil
}
