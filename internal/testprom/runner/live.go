package runner

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/testreport"
)

// live prints a run while it goes on: a line when a step starts, what it logs
// indented below, a line when it ends.
type live struct {
	out     io.Writer
	style   style
	suite   suite.Suite
	current string
	begun   time.Time
	partial strings.Builder // the beginning of a line whose end has not come yet
	reason  string          // what the step published
	detail  string
	last    string // the line printed last
	failed  bool   // an earlier step failed: those after it, except the final one, do not run
}

// shown bounds a printed line, in bytes.
const shown = 2000

// event prints what an event means to somebody who watches.
func (l *live) event(e *testreport.Event) {
	step, isStep := l.step(e)
	switch e.Action {
	case testreport.ActionRun:
		if isStep {
			l.current, l.reason, l.detail = step, "", ""
			l.begun, _ = e.When()
			if !l.skips(step) {
				l.printf("%s %s\n", l.style.dim("→"), step)
			}
		}
	case testreport.ActionPass, testreport.ActionFail, testreport.ActionSkip:
		if isStep {
			l.finish(step, e)
		}
	case testreport.ActionAttr:
		if e.Key == suite.ReasonKey && l.reason == "" {
			l.reason = e.Value
		}
		if e.Key == suite.DetailKey && l.detail == "" {
			l.detail = e.Value
		}
	case testreport.ActionOutput, testreport.ActionBuildOutput:
		l.output(e)
	}
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
		l.printf("%s %-10s %8s\n", l.style.dim("-"), step, "not run")
		return
	}
	switch e.Action {
	case testreport.ActionFail:
		l.failed = true
		mark, why = l.style.red("✗"), l.style.red(printable(l.why()))
	case testreport.ActionSkip:
		mark, why = l.style.yellow("-"), "skipped"
	}
	l.printf("%s %-10s %8s  %s\n", mark, step, humanSeconds(seconds), why)
}

// why is what a failed step says of itself; a detail that stands right above is not repeated.
func (l *live) why() string {
	if l.detail != "" && suite.Line(l.last) == l.detail {
		return l.reason
	}
	return strings.TrimSpace(l.reason + "  " + l.detail)
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
	if step, ok := l.step(e); ok && l.skips(step) {
		return // it says that it does not run
	}
	l.line(testreport.Line(line))
}

// line prints one line below the step it belongs to.
func (l *live) line(text string) {
	if len(text) > shown {
		text = strings.ToValidUTF8(text[:shown], "") + "..."
	}
	l.last = text
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
