package runner

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/report"
	"veza.fr/recovery/internal/testprom/testreport"
)

func (r *result) document(output bool) report.Report {
	d := report.Report{
		Schema: report.Schema, Suite: r.suite.Name, Stanza: r.stanza,
		Verdict: report.VerdictOf(r.exit), Exit: r.exit, Backups: r.proved(),
		Reason: r.Reason, Sentence: r.sentence(), Next: r.next(), Step: r.Step, Detail: r.Detail,
		Begin: r.begin.UTC(), End: r.end.UTC(), Status: r.Status,
		Labels: r.Labels, Notes: r.Notes, Problems: r.Problems, Warnings: r.warnings,
		Steps: []report.Step{}, Values: []report.Value{}, KnownRed: r.knownRed,
	}
	if d.Known() == nil {
		d.Last = r.last
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
		d.Values = append(d.Values, report.Value(v))
	}
	if output && r.exit != reason.ExitPass {
		d.Output = r.Tail
	}
	return d
}

func newStep(s testreport.Step, output bool) report.Step {
	d := report.Step{Name: s.Name, Outcome: string(s.Outcome), Reason: s.Reason, Detail: s.Detail}
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
	return [...]string{
		report.Unknown, words.Sound, words.AtFaultWord(), words.Sound + report.InPart,
	}[r.Backups]
}

func (r *result) sentence() string {
	past, left := r.Labels[suite.PastLabel], r.Labels[suite.LeftLabel]
	switch {
	case r.Reason == reason.None && past != "" && r.suite.Name == suite.Drill.Name:
		return "The repository as it was at " + past + " restores; nothing is said of the backups of now."
	case r.Reason == reason.None && left != "" && r.suite.Name == suite.Drill.Name:
		return "The backups of " + left + ", of the cluster before a stanza-upgrade, restore; nothing is said of " +
			"those of now."
	case r.Reason == reason.None && r.Backups == testreport.InPart:
		return fmt.Sprintf("Only %s was asked for, and holds; this run says nothing of %s.",
			strings.Join(r.ended(testreport.Passed), ", "), strings.Join(r.ended(testreport.LeftOut), ", "))
	case r.Reason == reason.None && len(r.knownRed) > 0:
		return fmt.Sprintf("%s But %s did not hold when asked last, and was not asked now.", r.suite.Words.Passed,
			strings.Join(r.knownRed, ", "))
	case r.Reason == reason.None:
		return r.suite.Words.Passed
	case r.notCompared() && r.Reason != reason.StandbyUnusable:
		return "The backups restore; what they were to be compared with could not be."
	case r.notCompared():
		return r.Reason.Means()
	case r.Backups == testreport.Sound, r.Backups == testreport.InPart:
		return r.suite.Words.NotCleaned
	}
	if r.Reason.Exit() == reason.ExitFailed {
		return cmp.Or(r.suite.Words.Failed, r.Reason.Means())
	}
	return r.Reason.Means()
}

// ended are the steps of an outcome.
func (r *result) ended(how testreport.Outcome) (names []string) {
	for _, step := range r.Steps {
		if step.Outcome == how {
			names = append(names, step.Name)
		}
	}
	return names
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
func (r *result) indented() ([]byte, error) { return indented(r.document(true)) }

// indented is a report as its file has it.
func indented(d report.Report) ([]byte, error) {
	text, err := json.MarshalIndent(d, "", "  ")
	return append(text, '\n'), err
}

func (r *result) line() ([]byte, error) {
	text, err := json.Marshal(r.document(false))
	return append(text, '\n'), err
}
