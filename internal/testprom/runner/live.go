package runner

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/testreport"
)

// live prints a run while it goes on: a line when a step starts, what it logs
// indented below, a line when it ends. On a terminal the step that runs is the status in
// the last line, and what it logs is printed only when that was asked for.
type live struct {
	out     io.Writer
	style   style
	suite   suite.Suite
	call    string  // what to type to call this program again
	status  *status // nil where there is no terminal
	brief   bool    // what steps log is not printed
	phase   string  // of what is compiled, when it took any time
	current string
	begun   time.Time
	course  course          // of the step's long work, for a log
	partial strings.Builder // the beginning of a line whose end has not come yet
	reason  string          // what the step published
	detail  string
	toShow  int      // so many of the step's next lines are shown on a terminal too
	failed  bool     // an earlier step failed: those after it, except the final one, do not run
	unrun   []string // those that were not
}

// shown bounds a printed line, in bytes.
const shown = 2000

// event prints what an event means to somebody who watches.
func (l *live) event(e *testreport.Event) {
	step, isStep := l.step(e)
	switch e.Action {
	case testreport.ActionStart:
		if l.status != nil {
			l.status.end()
		}
	case testreport.ActionRun:
		if isStep {
			l.begin(step, e)
		} else if e.Test == l.suite.Test && l.status != nil {
			l.status.begin(l.suite.Words.Opens)
		}
	case testreport.ActionPass, testreport.ActionFail, testreport.ActionSkip:
		if isStep {
			l.finish(step, e)
		}
		if l.status != nil && (isStep || !l.within(e)) {
			l.status.end()
		}
	case testreport.ActionAttr:
		l.attr(e)
	case testreport.ActionOutput, testreport.ActionBuildOutput:
		l.output(e)
	}
}

// begin begins a step.
func (l *live) begin(step string, e *testreport.Event) {
	l.current, l.reason, l.detail, l.course, l.toShow = step, "", "", course{}, 0
	l.begun, _ = e.When()
	if l.skips(step) {
		return
	}
	l.tellUnrun()
	if l.status != nil {
		l.status.begin(step)
	}
	if !l.brief {
		l.printf("%s %s\n", l.style.dim("→"), step)
	}
}

// attr takes what a step publishes of its failure, and of how far it is.
func (l *live) attr(e *testreport.Event) {
	switch e.Key {
	case suite.ReasonKey:
		if l.reason == "" {
			l.reason = e.Value
		}
	case suite.DetailKey:
		if l.detail == "" {
			l.detail = e.Value
		}
	case suite.ShownKey:
		if n, err := strconv.Atoi(e.Value); err == nil && l.within(e) {
			l.toShow = n
		}
	case suite.ProgressKey:
		l.progress(e)
	}
}

// progress shows how far a step is: in the status, or now and then in a line of the log.
func (l *live) progress(e *testreport.Event) {
	p, ok := suite.ParseProgress(e.Value)
	at, timed := e.When()
	switch {
	case !ok || !timed || !l.within(e):
	case l.status != nil:
		l.status.progress(p, at)
	default:
		if l.course.take(p, at); l.course.due() {
			l.line(l.course.line())
		}
	}
}

// within says whether an event is of the suite's test or of a step.
func (l *live) within(e *testreport.Event) bool {
	return e.Test == l.suite.Test || strings.HasPrefix(e.Test, l.suite.Test+"/")
}

// step is the name of the step that the event's test is.
func (l *live) step(e *testreport.Event) (string, bool) {
	name, ok := strings.CutPrefix(e.Test, l.suite.Test+"/")
	for _, step := range l.suite.StepNames() {
		if ok && name == step {
			return name, true
		}
	}
	return "", false
}

func (l *live) finish(step string, e *testreport.Event) {
	seconds := e.Elapsed
	if end, ok := e.When(); ok && step == l.current && !l.begun.IsZero() {
		seconds = end.Sub(l.begun).Seconds()
	}
	mark, why := l.style.green("✓"), ""
	if e.Action == testreport.ActionFail && l.skips(step) && l.reason == "" {
		l.unrun = append(l.unrun, step)
		return
	}
	switch e.Action {
	case testreport.ActionFail:
		l.failed = true
		mark, why = l.style.red("✗"), l.style.red(printable(l.reason)) // what exactly, the summary says
	case testreport.ActionSkip:
		mark, why = l.style.yellow("-"), "skipped"
	}
	l.printf("%s\n", strings.TrimRight(fmt.Sprintf("%s %-10s %8s  %s", mark, step, humanSeconds(seconds), why), " "))
}

// tellUnrun says, once and in one line, which steps a failed one kept from running.
func (l *live) tellUnrun() {
	if len(l.unrun) > 0 {
		l.printf("%s not run: %s\n", l.style.dim("-"), strings.Join(l.unrun, ", "))
	}
	l.unrun = nil
}

// skips says whether a step comes after a failed one and is not the final one. Claims
// are asked whatever became of others.
func (l *live) skips(step string) bool {
	return l.failed && !l.suite.Independent && step != l.suite.Final
}

// output prints the lines of a test, without the framework's own and without
// the place in the source they come from.
func (l *live) output(e *testreport.Event) {
	if l.partial.Len() == 0 && testreport.Framing(e.Output) {
		return
	}
	if l.partial.Len() < shown {
		l.partial.WriteString(e.Output)
	}
	if !strings.HasSuffix(e.Output, "\n") {
		return
	}
	line := strings.TrimRight(l.partial.String(), "\r\n")
	l.partial.Reset()
	step, isStep := l.step(e)
	if isStep && l.skips(step) {
		return // it says that it does not run
	}
	line = testreport.Line(line)
	show := isStep && l.toShow > 0
	if show {
		l.toShow--
	}
	switch {
	case show:
		l.line(line)
	case l.detail != "" && suite.Line(line) == l.detail, e.Test == "" && testreport.BadFlag(line),
		l.brief && toType(line):
		return // the summary says it
	case l.brief && isStep && step == l.suite.Spoken:
		l.line(line)
	case l.brief && l.within(e):
		l.status.say(line)
	default:
		l.line(typedAs(l.call, line))
	}
}

// line prints one line below the step it belongs to.
func (l *live) line(text string) {
	if len(text) > shown {
		text = strings.ToValidUTF8(text[:shown], "") + "..."
	}
	l.printf("    %s\n", printable(text))
}

func (l *live) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(l.out, format, args...)
}

// printable keeps a test's output from driving the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\u00a0' || unicode.IsPrint(r) { // not what turns the direction of writing either
			return r
		}
		return '·'
	}, text)
}
