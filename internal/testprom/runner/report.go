package runner

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/testreport"
)

// schema is the version of the report: fields are added freely, and the number
// changes when one changes its meaning or goes.
const schema = 1

// document is the report as JSON, and a line of the history.
type document struct {
	Schema int    `json:"schema"`
	Suite  string `json:"suite"`
	Stanza string `json:"stanza"`
	verdictDocument
	Begin    time.Time         `json:"started"`
	End      time.Time         `json:"ended"`
	Duration *float64          `json:"duration_seconds,omitempty"`
	Compiled *float64          `json:"compile_seconds,omitempty"` // before the run began; no part of its duration
	Status   *int              `json:"command_exit_status,omitempty"`
	Steps    []stepDocument    `json:"steps"`
	Values   []valueDocument   `json:"measurements"`
	Labels   map[string]string `json:"labels"`
	Notes    []string          `json:"notes,omitempty"`
	Problems []string          `json:"doubts,omitempty"` // everything that speaks against a pass
	Warnings []string          `json:"warnings,omitempty"`
	Output   []string          `json:"output,omitempty"` // the last lines that belong to no step; not in the history
}

// verdictDocument is what was found; its fields stand in the document itself.
type verdictDocument struct {
	Verdict  string        `json:"verdict"` // pass, fail or environment, as the exit status 0, 1 or 2
	Exit     int           `json:"exit_status"`
	Backups  string        `json:"backups"` // restored (of the backup checks: sound), at_fault or unknown
	Reason   reason.Reason `json:"reason"`
	Sentence string        `json:"sentence"`
	Next     string        `json:"next,omitempty"`
	Step     string        `json:"step,omitempty"`
	Detail   string        `json:"detail,omitempty"`
}

type stepDocument struct {
	Name    string             `json:"name"`
	Outcome testreport.Outcome `json:"outcome"`
	Seconds *float64           `json:"seconds,omitempty"`
	Reason  reason.Reason      `json:"reason,omitempty"`
	Detail  string             `json:"detail,omitempty"`
	// Output is the last lines of a step that did not pass; it is not in the history.
	Output []string `json:"output,omitempty"`
}

type valueDocument struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	Value  float64           `json:"value"`
}

func (r *result) document(output bool) document {
	d := document{
		Schema: schema, Suite: r.suite.Name, Stanza: r.stanza,
		verdictDocument: verdictDocument{
			Verdict: [...]string{"pass", "fail", "environment"}[r.exit],
			Exit:    r.exit, Backups: r.proved(),
			Reason: r.Reason, Sentence: r.sentence(), Next: r.next(), Step: r.Step, Detail: r.Detail,
		},
		Begin: r.begin.UTC(), End: r.end.UTC(), Status: r.Status,
		Labels: r.Labels, Notes: r.Notes, Problems: r.Problems, Warnings: r.warnings,
		Steps: []stepDocument{}, Values: []valueDocument{},
	}
	if r.duration >= 0 {
		seconds := r.duration.Seconds()
		d.Duration = &seconds
	}
	if r.compiling > 0 {
		seconds := r.compiling.Seconds()
		d.Compiled = &seconds
	}
	for _, step := range r.Steps {
		d.Steps = append(d.Steps, newStep(step, output))
	}
	for _, v := range r.Measurements {
		d.Values = append(d.Values, valueDocument(v))
	}
	if output && r.exit != reason.ExitPass {
		d.Output = r.Tail
	}
	return d
}

func newStep(s testreport.Step, output bool) stepDocument {
	d := stepDocument{Name: s.Name, Outcome: s.Outcome, Reason: s.Reason, Detail: s.Detail}
	if s.Seconds >= 0 {
		d.Seconds = &s.Seconds
	}
	if output && s.Outcome != testreport.Passed {
		d.Output = s.Output
	}
	return d
}

// proved is what the run proved, in one word.
func (r *result) proved() string {
	words := r.suite.Words
	return [...]string{"unknown", words.Sound, cmp.Or(words.AtFault, "at_fault")}[r.Backups]
}

func (r *result) sentence() string {
	past := r.Labels[suite.PastLabel]
	switch {
	case r.Reason == reason.None && past != "" && r.suite.Name == suite.Drill.Name:
		return "The repository as it was at " + past + " restores; nothing is said of the backups of now."
	case r.Reason == reason.None:
		return r.suite.Words.Passed
	case r.notCompared() && r.Reason != reason.StandbyUnusable:
		return "The backups restore; what they were to be compared with could not be."
	case r.notCompared():
		return r.Reason.Means()
	case r.Backups == testreport.Sound:
		return r.suite.Words.NotCleaned
	}
	if r.Reason.Exit() == reason.ExitFailed {
		return cmp.Or(r.suite.Words.Failed, r.Reason.Means())
	}
	return r.Reason.Means()
}

// next is what to look at or type next.
func (r *result) next() string {
	if r.Reason.Exit() == reason.ExitFailed {
		return cmp.Or(r.suite.Words.FailedNext, r.Reason.Next())
	}
	return r.Reason.Next()
}

// notCompared says whether a comparison that was asked for is all that is missing. Of one with a standby its reason
// tells; one of two sets can end for any reason of the environment.
func (r *result) notCompared() bool {
	return r.Backups == testreport.Sound &&
		(r.Reason == reason.StandbyUnusable || r.Reason != reason.None && strings.HasPrefix(r.Detail, "-compare "))
}

// indented is the report, line the same for the history, without outputs.
func (r *result) indented() ([]byte, error) {
	text, err := json.MarshalIndent(r.document(true), "", "  ")
	return append(text, '\n'), err
}

func (r *result) line() ([]byte, error) {
	text, err := json.Marshal(r.document(false))
	return append(text, '\n'), err
}
