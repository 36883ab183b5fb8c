package testreport

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"veza.fr/recovery/internal/reason"
)

// Backups is what a run proved about the backups.
type Backups int

// What a run can prove.
const (
	Unknown Backups = iota // nothing: what was known before still stands
	Sound                  // what the suite is there to prove of them is true
	AtFault                // they, or the restore made from them, are at fault
)

// Verdict is the one answer of a run.
type Verdict struct {
	Reason  reason.Reason // None on a pass
	Detail  string        // one sentence: what exactly; empty on a pass
	Step    string        // the step to blame; empty when it was the process
	Exit    int           // 0, 1 or 2
	Backups Backups
}

// judge finds the verdict by the first line that applies (design, "What a run
// says"). What is left when none applies is a pass, and nothing else is.
func (c *Collector) judge(status *int) Verdict {
	for _, rule := range []func() *Verdict{
		c.stepWithReason,
		c.process,
		c.stepWithoutReason,
		c.stepNotRun,
		func() *Verdict { return c.unreadable(status) },
	} {
		if v := rule(); v != nil {
			v.Exit = v.Reason.Exit()
			v.Backups = c.proved(v, status)
			return *v
		}
	}
	return Verdict{Reason: reason.None, Exit: reason.ExitPass, Backups: Sound}
}

// stepWithReason is line 1: the first step, in runbook order, that failed and
// published a reason; the suite's own test speaks last. Claims do not build on each
// other, so that a proven fault goes before what the environment did to an earlier one.
func (c *Collector) stepWithReason() *Verdict {
	var first *Verdict
	for _, t := range append(pointers(c.steps), &c.root) {
		if !t.blamed() || first != nil && t.reason.Exit() != reason.ExitFailed {
			continue
		}
		first = &Verdict{Reason: t.reason, Detail: t.sentence()}
		if t != &c.root {
			first.Step = t.name
		}
		if !c.kind.Independent || t.reason.Exit() == reason.ExitFailed {
			break
		}
	}
	return first
}

// process is line 2: what ended the run, rather than a step of it.
func (c *Collector) process() *Verdict {
	ended := c.result != "pass"
	switch s := c.signs; {
	case c.stopped.Load() != nil:
		return c.processed(c.stopped.Load().reason, c.stopped.Load().detail)
	case ended && s.timedOut != "":
		return c.processed(reason.Timeout, s.timedOut)
	case ended && s.killed != "":
		return c.processed(reason.Interrupted, "the test binary was ended by a "+s.killed)
	case ended && s.panicked != "":
		return c.processed(reason.Panic, s.panicked)
	case c.unbuilt != "":
		return c.processed(reason.BuildFailed, strings.TrimSpace(c.unbuilt+": "+s.broken))
	case c.root.runs == 0 && s.badFlag != "":
		return c.processed(reason.ConfigInvalid, s.badFlag)
	case c.root.runs == 0:
		return c.processed(reason.NoTests, c.nothingRan())
	case s.cached:
		return c.processed(reason.NoTests, "the result is an old one from Go's cache: nothing ran (use -count=1)")
	}
	return c.cut()
}

// cut is the end of line 2: a stream that stops before the run did.
func (c *Collector) cut() *Verdict {
	switch {
	case c.readErr != nil:
		return c.processed(reason.ReportUnreadable, c.readErr.Error())
	case c.result == "" || c.open > 0:
		return c.processed(reason.ReportUnreadable, "the stream ends before the run did: it was cut, or the test binary was killed or exited")
	case c.twin != "":
		return c.processed(reason.ReportUnreadable, fmt.Sprintf("%s ran in two packages, %s and %s: name one of them", c.root.name, c.pkg, c.twin))
	case c.root.ended == 0:
		return c.processed(reason.ReportUnreadable, "the test binary exited in the middle of "+c.root.name)
	}
	return nil
}

// processed names, beside what ended the run, the step it ended in.
func (c *Collector) processed(r reason.Reason, detail string) *Verdict {
	v := &Verdict{Reason: r, Detail: detail}
	for i := range c.steps {
		t := &c.steps[i]
		if t.outcome() == Unfinished || t.outcome() == Failed && (v.Step == "" || c.kind.Independent) && r == reason.Panic {
			v.Step = t.name
		}
	}
	return v
}

func (c *Collector) nothingRan() string {
	if c.events == 0 && c.stray > 0 {
		return "no line is an event of `go test -json`; testprom adds that flag only where `go test`, or a compiled test, is itself the command"
	}
	detail := c.kind.Test + " never started"
	if lines := c.tail.all(); len(lines) > 0 {
		detail += "; the last line of output: " + strings.TrimSpace(lines[len(lines)-1])
	}
	return detail
}

// stepWithoutReason is line 3: the first step that failed without a reason.
func (c *Collector) stepWithoutReason() *Verdict {
	for i, step := range c.kind.Steps {
		if t := &c.steps[i]; t.outcome() == Failed {
			return &Verdict{Reason: step.Default, Step: t.name, Detail: t.sentence()}
		}
	}
	return nil
}

// stepNotRun is line 4: an expected step that is missing or skipped.
func (c *Collector) stepNotRun() *Verdict {
	for i := range c.steps {
		if t := &c.steps[i]; c.expected(i) && t.outcome() != Passed {
			return &Verdict{
				Reason: reason.NoTests, Step: t.name,
				Detail: fmt.Sprintf("%s %s is %s", c.kind.Words.Step, t.name, t.outcome()),
			}
		}
	}
	return nil
}

// unreadable is line 5: measurements that cannot be read, and whatever else
// contradicts a pass.
func (c *Collector) unreadable(status *int) *Verdict {
	if doubts := c.doubts(status); len(doubts) > 0 {
		return &Verdict{Reason: reason.ReportUnreadable, Detail: doubts[0]}
	}
	return nil
}

// doubts are the sentences that stand against a pass although every step passed.
func (c *Collector) doubts(status *int) []string {
	doubts := slices.Concat([]string{}, c.values.doubts, c.contradictions(), c.unasked())
	although := ", although every " + c.kind.Words.Step + " passed"
	switch {
	case c.otherFailed != "":
		doubts = append(doubts, c.otherFailed+" failed"+although)
	case c.failedStep(), c.kind.Final == "" && c.root.blamed():
	case c.root.outcome() != Passed:
		doubts = append(doubts, fmt.Sprintf("%s itself %s%s", c.root.name, c.root.outcome(), although))
	case c.result != "pass":
		doubts = append(doubts, fmt.Sprintf("package %s says %s%s", c.pkg, c.result, although))
	case status != nil && *status != 0:
		doubts = append(doubts, fmt.Sprintf("the command ended with exit status %d, although its stream says all is well", *status))
	}
	return doubts
}

// contradictions are reasons that nobody can use (unknown words, and reasons of
// steps that passed) and failures within a step that passed.
func (c *Collector) contradictions() (doubts []string) {
	all := append([]*track{&c.root}, pointers(c.steps)...)
	for _, t := range all {
		if t.unknown != "" {
			doubts = append(doubts, fmt.Sprintf("%s published the reason %q, which is not one", t.name, t.unknown))
		}
		if t.below != "" && t.outcome() == Passed {
			doubts = append(doubts, fmt.Sprintf("%s failed, and %s passed all the same", t.below, t.name))
		}
		if t.reason != "" && !t.blamed() {
			doubts = append(doubts, fmt.Sprintf("%s published the reason %s and %s all the same", t.name, t.reason, t.outcome()))
		}
	}
	return doubts
}

// proved says what the run proved about the backups. Their verdict stands when
// the final step alone failed (in a suite that has none, its own test, after every
// claim was asked), for a reason of the environment, in a run that is whole and free of
// doubt otherwise.
func (c *Collector) proved(v *Verdict, status *int) Backups {
	switch {
	case v.Exit == reason.ExitFailed:
		return AtFault
	case v.Step != c.kind.Final || c.process() != nil || len(c.doubts(status)) > 0:
		return Unknown
	case c.kind.Final == "" && !(c.root.blamed() && c.late):
		return Unknown
	}
	for i := range c.steps {
		if !c.expected(i) {
			continue // it did not run, or there would be a doubt
		}
		if want := c.steps[i].name == v.Step; want != (c.steps[i].outcome() == Failed) || !want && c.steps[i].outcome() != Passed {
			return Unknown
		}
	}
	return Sound
}

func (c *Collector) failedStep() bool {
	for i := range c.steps {
		if c.steps[i].outcome() == Failed {
			return true
		}
	}
	return false
}

// position is where in the source a test logged a line.
var position = regexp.MustCompile(`^\s*[\w.\-]+\.go:\d+: `)

// Line is a line of a test's output without the place in the source it came
// from and without the indentation of the test it belongs to.
func Line(text string) string {
	return position.ReplaceAllString(strings.TrimPrefix(text, "    "), "")
}

// sentence is what the step said of its failure: its detail, else its last line.
func (t *track) sentence() string {
	if t.detail != "" {
		return t.detail
	}
	lines := t.tail.all()
	for i := len(lines) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(Line(lines[i])); line != "" {
			return line
		}
	}
	return fmt.Sprintf("%s %s and said nothing", t.name, t.outcome())
}

func pointers(tracks []track) []*track {
	list := make([]*track, len(tracks))
	for i := range tracks {
		list[i] = &tracks[i]
	}
	return list
}
