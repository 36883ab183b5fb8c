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
	InPart                 // only that which was chosen of what the suite is there to prove is true
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
		c.processEnded,
		c.stepWithoutReason,
		c.stepNotRun,
		func() *Verdict { return c.unreadable(status) },
	} {
		if v := rule(); v != nil {
			v.Exit = v.Reason.Exit()
			v.Backups = c.provedOfBackups(v, status)
			return *v
		}
	}
	return Verdict{Reason: reason.None, Exit: reason.ExitPass, Backups: c.sound()}
}

// sound is what a run proved in which all that was asked holds.
func (c *Collector) sound() Backups {
	if c.inPart() {
		return InPart
	}
	return Sound
}

// stepWithReason is line 1: the first step, in runbook order, that failed and
// published a reason; the suite's own test speaks last. Claims do not build on each
// other, so that a proven fault goes before what the environment did to an earlier one.
func (c *Collector) stepWithReason() *Verdict {
	var first *Verdict
	for _, t := range append(pointers(c.steps), &c.root) {
		if !t.hasReason() || first != nil && t.reason.Exit() != reason.ExitFailed {
			continue
		}
		first = &Verdict{Reason: t.reason, Detail: t.sentence()}
		if t != &c.root {
			first.Step = t.name
		}
		if !c.suite.Independent || t.reason.Exit() == reason.ExitFailed {
			break
		}
	}
	return first
}

// processEnded is line 2: what ended the run, rather than a step of it.
func (c *Collector) processEnded() *Verdict {
	ended := c.packageResult != ActionPass
	switch s := c.scan; {
	case c.stopped.Load() != nil:
		return c.blame(c.stopped.Load().reason, c.stopped.Load().detail)
	case ended && s.timedOut != "":
		return c.blame(reason.Timeout, s.timedOut)
	case ended && s.killed != "":
		return c.blame(reason.Interrupted, "the test binary was ended by a "+s.killed)
	case ended && s.panicked != "":
		return c.blame(reason.Panic, s.panicked)
	case c.unbuiltPackage != "":
		return c.blame(reason.BuildFailed, strings.TrimSpace(c.unbuiltPackage+": "+s.buildError))
	case c.root.runs == 0 && s.badFlag != "":
		return c.blame(reason.ConfigInvalid, s.badFlag)
	case c.root.runs == 0:
		return c.blame(reason.NoTests, c.nothingRan())
	case s.cached:
		return c.blame(reason.NoTests, "the result is an old one from Go's cache: nothing ran (use -count=1)")
	}
	return c.streamCut()
}

// streamCut is the end of line 2: a stream that stops before the run did.
func (c *Collector) streamCut() *Verdict {
	switch {
	case c.readErr != nil:
		return c.blame(reason.ReportUnreadable, c.readErr.Error())
	case c.packageResult == "" || c.openPackages > 0:
		return c.blame(reason.ReportUnreadable,
			"the stream ends before the run did: it was cut, or the test binary was killed or exited")
	case c.otherPackage != "":
		return c.blame(reason.ReportUnreadable,
			fmt.Sprintf("%s ran in two packages, %s and %s: name one of them", c.root.name, c.pkg, c.otherPackage))
	case c.root.ended == 0:
		return c.blame(reason.ReportUnreadable, "the test binary exited in the middle of "+c.root.name)
	}
	return nil
}

// blame adds, to what ended the run, the step it ended in.
func (c *Collector) blame(r reason.Reason, detail string) *Verdict {
	v := &Verdict{Reason: r, Detail: detail}
	for i := range c.steps {
		t := &c.steps[i]
		failed := t.outcome() == Failed && (v.Step == "" || c.suite.Independent)
		if t.outcome() == Unfinished || failed && r == reason.Panic {
			v.Step = t.name
		}
	}
	return v
}

func (c *Collector) nothingRan() string {
	if c.events == 0 && c.stray > 0 {
		return "no line is an event of `go test -json`; testprom adds that flag only where `go test`, " +
			"or a compiled test, is itself the command"
	}
	detail := c.suite.Test + " never started"
	if lines := c.tail.all(); len(lines) > 0 {
		detail += "; the last line of output: " + strings.TrimSpace(lines[len(lines)-1])
	}
	return detail
}

// stepWithoutReason is line 3: the first step that failed without a reason.
func (c *Collector) stepWithoutReason() *Verdict {
	for i, step := range c.suite.Steps {
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
				Detail: fmt.Sprintf("%s %s is %s", c.suite.Words.Step, t.name, t.outcome()),
			}
		}
	}
	return nil
}

// unreadable is line 5: measurements that cannot be read, and whatever else
// contradicts a pass.
func (c *Collector) unreadable(status *int) *Verdict {
	if problems := c.problems(status); len(problems) > 0 {
		return &Verdict{Reason: reason.ReportUnreadable, Detail: problems[0]}
	}
	return nil
}

// problems are the sentences that speak against a pass although every step passed.
func (c *Collector) problems(status *int) []string {
	problems := slices.Concat([]string{}, c.values.problems, c.stepContradictions(), c.claimListProblems())
	although := ", although every " + c.suite.Words.Step + " passed"
	switch {
	case c.otherFailed != "":
		problems = append(problems, c.otherFailed+" failed"+although)
	case c.failedStep(), c.suite.Final == "" && c.root.hasReason():
	case c.root.outcome() != Passed:
		problems = append(problems, fmt.Sprintf("%s itself %s%s", c.root.name, c.root.outcome(), although))
	case c.packageResult != ActionPass:
		problems = append(problems, fmt.Sprintf("package %s says %s%s", c.pkg, c.packageResult, although))
	case status != nil && *status != 0:
		problems = append(problems,
			fmt.Sprintf("the command ended with exit status %d, although its stream says all is well", *status))
	}
	return problems
}

// stepContradictions are reasons that nobody can use (unknown words, and reasons of
// steps that passed) and failures within a step that passed.
func (c *Collector) stepContradictions() (problems []string) {
	all := append([]*testState{&c.root}, pointers(c.steps)...)
	for _, t := range all {
		if t.unknownReason != "" {
			problems = append(problems,
				fmt.Sprintf("%s published the reason %q, which is not one", t.name, t.unknownReason))
		}
		if t.failedBelow != "" && t.outcome() == Passed {
			problems = append(problems, fmt.Sprintf("%s failed, and %s passed all the same", t.failedBelow, t.name))
		}
		if t.reason != "" && !t.hasReason() {
			problems = append(problems,
				fmt.Sprintf("%s published the reason %s and %s all the same", t.name, t.reason, t.outcome()))
		}
	}
	return problems
}

// provedOfBackups says what the run proved about the backups. Their verdict stands when
// the final step alone failed (in a suite that has none, its own test, after every
// claim was asked), for a reason of the environment, in a run that is whole and free of
// problems otherwise.
func (c *Collector) provedOfBackups(v *Verdict, status *int) Backups {
	switch {
	case v.Exit == reason.ExitFailed:
		return AtFault
	case v.Step != c.suite.Final || c.processEnded() != nil || len(c.problems(status)) > 0:
		return Unknown
	case c.suite.Final == "" && !(c.root.hasReason() && c.reasonCameLast):
		return Unknown
	}
	for i := range c.steps {
		if !c.expected(i) {
			continue // it did not run, or there would be a problem
		}
		want := Passed
		if c.steps[i].name == v.Step {
			want = Failed
		}
		if c.steps[i].outcome() != want {
			return Unknown
		}
	}
	return c.sound()
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
func (t *testState) sentence() string {
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

func pointers(tracks []testState) []*testState {
	list := make([]*testState, len(tracks))
	for i := range tracks {
		list[i] = &tracks[i]
	}
	return list
}
