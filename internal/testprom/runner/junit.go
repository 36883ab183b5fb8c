package runner

import (
	"encoding/xml"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/testprom/testreport"
)

// These are JUnit's elements, as the servers of CI read them.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitCounts
		Suite junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string `xml:"name,attr"`
		Package   string `xml:"package,attr"`
		Timestamp string `xml:"timestamp,attr"`
		junitCounts
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitCounts struct {
		Time     string `xml:"time,attr,omitempty"` // seconds
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name    string      `xml:"name,attr"`
		Class   string      `xml:"classname,attr"`
		Time    string      `xml:"time,attr,omitempty"`
		Failure *junitFound `xml:"failure"`
		Error   *junitFound `xml:"error"`
		Skipped *junitFound `xml:"skipped"`
	}
	junitFound struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Lines   string `xml:",cdata"`
	}
)

// junit is the run as a CI server shows it: one suite, a case for each step. What was found is a failure, what could
// not be judged an error, and what did not run is skipped. unwritten is what else could not be written.
func (r *result) junit(unwritten error) ([]byte, error) {
	s := junitSuite{
		Name: xmlText(r.suite.Words.Title + " of stanza " + r.stanza), Package: xmlText(r.suite.Name + "." + r.stanza),
		Timestamp: r.begin.UTC().Format(time.RFC3339), Properties: r.junitProperties(),
	}
	if r.duration >= 0 {
		s.Time = junitSeconds(r.duration.Seconds())
	}
	blamed := false
	for i, step := range r.Steps {
		c := r.junitCase(i, step)
		blamed = blamed || c.Error != nil || c.Failure != nil
		s.add(c)
	}
	if !blamed && r.Reason != reason.None {
		c := junitCase{Name: r.suite.Test}
		c.found(r.Reason, r.Detail, r.Tail)
		s.add(c)
	}
	if unwritten != nil {
		s.add(junitCase{Name: "written", Error: &junitFound{Message: xmlText(unwritten.Error()), Type: "unwritten"}})
	}
	text, err := xml.MarshalIndent(junitSuites{Name: "testprom", junitCounts: s.junitCounts, Suite: s}, "", "  ")
	return append(append([]byte(xml.Header), text...), '\n'), err
}

func (s *junitSuite) add(c junitCase) {
	c.Class = s.Package
	s.Cases = append(s.Cases, c)
	s.Tests++
	for count, found := range map[*int]*junitFound{&s.Failures: c.Failure, &s.Errors: c.Error, &s.Skipped: c.Skipped} {
		if found != nil {
			*count++
		}
	}
}

func (r *result) junitProperties() []junitProperty {
	list := []junitProperty{
		{"stanza", xmlText(r.stanza)}, {"exit_status", strconv.Itoa(r.exit)}, {"reason", string(r.Reason)},
	}
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		if name != "stanza" {
			list = append(list, junitProperty{"label." + xmlText(name), xmlText(r.Labels[name])})
		}
	}
	return list
}

// junitCase is one step. A step that failed without a reason gets the verdict's when it is the one to blame; in a run
// that came to no verdict nobody knows what its failure means.
func (r *result) junitCase(i int, step testreport.Step) junitCase {
	c := junitCase{Name: step.Name}
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
		c.found(why, detail, step.Output)
	case testreport.Unfinished:
		if step.Reason == "" && step.Name != r.Step {
			why, detail = reason.ReportUnreadable, "nothing says how it ended"
		}
		c.found(why, detail, step.Output)
	default: // missing, skipped, not run, not asked
		c.Skipped = &junitFound{Message: string(step.Outcome)}
	}
	return c
}

// found makes a case a failure or an error, as the exit status of its reason says.
func (c *junitCase) found(why reason.Reason, detail string, output []string) {
	lines := []string{why.Means(), why.Next()}
	for _, line := range output {
		lines = append(lines, testreport.Line(line))
	}
	for i := range lines {
		lines[i] = xmlText(lines[i])
	}
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" })
	found := &junitFound{Message: string(why), Type: string(why), Lines: strings.Join(lines, "\n")}
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
