package testreport

import (
	"time"

	"veza.fr/recovery/internal/suite"
)

// Report is what one run said, and the verdict on it.
type Report struct {
	Verdict
	Steps        []Step // every step of the suite, in its order
	Measurements []suite.Value
	Labels       map[string]string
	Notes        []string
	Tail         []string  // the last lines of output that belong to no step
	Begin, End   time.Time // of the first and last event; zero when they carry no time
	Events       int
	Stray        int // lines between the events that are none
	Status       *int
	Problems     []string // everything that speaks against a pass
}

// Report judges what was read. status is the exit status of the command that
// wrote the stream, nil when there was none: a stream that says all is well does
// not outweigh a command that failed.
func (c *Collector) Report(status *int) Report {
	r := Report{
		Measurements: c.values.resolve(c.suite),
		Labels:       c.values.labels,
		Notes:        c.notes,
		Tail:         c.tail.all(),
		Events:       c.events,
		Stray:        c.stray,
		Status:       status,
	}
	r.Begin, r.End = c.times()
	r.Verdict = c.judge(status)
	r.Problems = c.problems(status)
	failed := false
	for i := range c.steps {
		step := c.step(i)
		if failed && !c.suite.Independent && step.Outcome == Failed && step.Reason == "" && step.Name != c.suite.Final {
			step.Outcome, step.Seconds = NotRun, -1 // its microseconds are no duration of the step
		}
		failed = failed || step.Outcome == Failed
		r.Steps = append(r.Steps, step)
	}
	r.Measurements = append(r.Measurements, c.claimValues(r.Steps)...)
	return r
}

func (c *Collector) step(i int) Step {
	t := &c.steps[i]
	var next time.Time
	for j := i + 1; j < len(c.steps) && next.IsZero(); j++ {
		next = c.steps[j].begin
	}
	outcome := t.outcome()
	switch {
	case outcome != Missing || c.asked == nil || c.expected(i):
	case c.chosen != nil:
		outcome = LeftOut
	default:
		outcome = NotAsked
	}
	return Step{
		Name: t.name, Outcome: outcome, Seconds: t.seconds(next),
		Reason: t.reason, Detail: t.detail, Output: t.tail.all(),
	}
}
