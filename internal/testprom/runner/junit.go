package runner

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/testprom/testreport"
)

// junit is the run as a CI server shows it: one suite, a case for each step. What was found is a failure, what could
// not be judged an error, and what did not run is skipped. unwritten is what else could not be written.
func (r *result) junit(unwritten error) ([]byte, error) {
	s := junit.Testsuite{
		Name: xmlText(r.suite.Words.Title + " of stanza " + r.stanza), Package: xmlText(r.suite.Name + "." + r.stanza),
	}
	s.SetTimestamp(r.begin.UTC())
	if r.duration >= 0 {
		s.Time = junitSeconds(r.duration.Seconds())
	}
	for _, p := range [][2]string{
		{"stanza", r.stanza}, {"exit_status", strconv.Itoa(r.exit)}, {"reason", string(r.Reason)},
	} {
		s.AddProperty(p[0], xmlText(p[1]))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		if name != "stanza" {
			s.AddProperty("label."+xmlText(name), xmlText(r.Labels[name]))
		}
	}
	blamed := false
	for i, step := range r.Steps {
		c := r.junitCase(i, step)
		c.Classname = s.Package
		blamed = blamed || c.Error != nil || c.Failure != nil
		s.AddTestcase(c)
	}
	if !blamed && r.Reason != reason.None {
		c := junit.Testcase{Name: r.suite.Test, Classname: s.Package}
		put(&c, r.Reason, r.Detail, r.Tail)
		s.AddTestcase(c)
	}
	if unwritten != nil {
		s.AddTestcase(junit.Testcase{
			Name: "written", Classname: s.Package,
			Error: &junit.Result{Message: xmlText(unwritten.Error()), Type: "unwritten"},
		})
	}
	all := junit.Testsuites{Name: "testprom", Time: s.Time}
	all.AddSuite(s)
	var text bytes.Buffer
	text.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	err := all.WriteXML(&text)
	return text.Bytes(), err
}

// junitCase is one step. A step that failed without a reason gets the verdict's when it is the one to blame; in a run
// that came to no verdict nobody knows what its failure means.
func (r *result) junitCase(i int, step testreport.Step) junit.Testcase {
	c := junit.Testcase{Name: step.Name}
	if step.Seconds >= 0 {
		c.Time = junitSeconds(step.Seconds)
	}
	why, detail := step.Reason, step.Detail
	if why == "" && step.Name == r.Step && r.Reason != reason.None {
		why, detail = r.Reason, r.Detail
	}
	if why == "" {
		why = r.suite.Steps[i].Default
		if r.Verdict.Exit == reason.ExitEnvironment {
			why = r.Reason
		}
	}
	if detail == "" && step.Name == r.Step {
		detail = r.Detail
	}
	switch step.Outcome {
	case testreport.Passed:
	case testreport.Failed:
		put(&c, why, detail, step.Output)
	case testreport.Unfinished:
		if step.Reason == "" && step.Name != r.Step {
			why, detail = reason.ReportUnreadable, "nothing says how it ended"
		}
		put(&c, why, detail, step.Output)
	default: // missing, skipped, not run, not asked
		c.Skipped = &junit.Result{Message: string(step.Outcome)}
	}
	return c
}

// put makes a case a failure or an error, as the exit status of its reason says.
func put(c *junit.Testcase, why reason.Reason, detail string, output []string) {
	lines := []string{why.Means(), why.Next()}
	for _, line := range output {
		lines = append(lines, testreport.Line(line))
	}
	for i := range lines {
		lines[i] = xmlText(lines[i])
	}
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" })
	found := &junit.Result{Message: string(why), Type: string(why), Data: strings.Join(lines, "\n")}
	if detail = xmlText(detail); detail != "" {
		found.Message += ": " + detail
	}
	if why.Exit() == reason.ExitFailed {
		c.Failure = found
	} else {
		c.Error = found
	}
}

// xmlText keeps what a database printed fit for XML: no control character and nothing that is no character at all
// stands in a file, nor what turns the direction of writing.
func xmlText(text string) string { return printable(strings.ToValidUTF8(text, "�")) }

func junitSeconds(seconds float64) string { return strconv.FormatFloat(seconds, 'f', 3, 64) }
