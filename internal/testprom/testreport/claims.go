package testreport

import (
	"fmt"
	"slices"
	"strings"

	"veza.fr/recovery/internal/suite"
)

// takeClaimList takes the list of claims the run says it asks, or of those that were chosen. Whatever is odd about it
// stands against a pass: a list nobody can rely on could leave out a claim that fails.
func (c *Collector) takeClaimList(e *Event, are string, list *[]string) {
	names := strings.Fields(e.Value)
	switch {
	case e.Test != c.suite.Test:
		c.values.problem("%s published a list of claims, and only %s itself may", e.Test, c.suite.Test)
	case len(e.Value) > suite.MaxValue+len("..."):
		c.values.problem("the list of claims that are %s has %d bytes", are, len(e.Value))
	case len(names) == 0:
		c.values.problem("the list of claims that are %s is empty", are)
	case *list == nil:
		*list = names
		c.checkClaimList(names)
	case !slices.Equal(*list, names):
		c.values.problem("two lists of claims were published, %q and %q", strings.Join(*list, " "),
			strings.Join(names, " "))
	}
}

// checkClaimList looks at the list itself, and at when it came.
func (c *Collector) checkClaimList(names []string) {
	known := c.suite.StepNames()
	for i, name := range names {
		if !slices.Contains(known, name) {
			c.values.problem("the list of claims names %.60q, which is none", name)
		} else if slices.Contains(names[:i], name) {
			c.values.problem("the list of claims names %s twice", name)
		}
	}
	for i := range c.steps {
		if c.steps[i].runs > 0 {
			c.values.problem("the list of claims came after claim %s had begun", c.steps[i].name)
			return
		}
	}
}

// expected says whether step i has to run: whatever the list says, the suite's own
// minimum does, unless somebody chose, and then each of those that were chosen.
func (c *Collector) expected(i int) bool {
	step := c.suite.Steps[i]
	if c.chosen != nil {
		return slices.Contains(c.chosen, step.Name)
	}
	return !c.suite.Independent || !step.Optional || slices.Contains(c.asked, step.Name)
}

// inPart says whether a choice left a claim out: a pass then proves less than the suite is there for.
func (c *Collector) inPart() bool {
	return c.chosen != nil && slices.ContainsFunc(c.suite.Steps, func(step suite.Expected) bool {
		return !slices.Contains(c.chosen, step.Name)
	})
}

// claimListProblems are the problems that only the whole stream can raise: claims ran, and the
// list that should name them did not come, or does not.
func (c *Collector) claimListProblems() (problems []string) {
	if !c.suite.Independent {
		return nil
	}
	for _, name := range c.asked {
		if c.chosen != nil && !slices.Contains(c.chosen, name) {
			problems = append(problems, fmt.Sprintf("claim %.60q is asked, and was not chosen", name))
		}
	}
	for i := range c.steps {
		switch t := &c.steps[i]; {
		case t.runs == 0 && t.ended == 0:
		case c.asked == nil:
			return []string{"claims ran, and the list of those that are asked was not published"}
		case !c.expected(i), !slices.Contains(c.asked, t.name) && c.chosen != nil:
			problems = append(problems,
				fmt.Sprintf("claim %s ran, and the list of those that are asked does not name it", t.name))
		}
	}
	return problems
}

// claimValues are the measurements that are made of how the claims ended, by series. A run
// in which none began has none: nobody knows what it would have asked.
func (c *Collector) claimValues(steps []Step) []suite.Value {
	if !c.suite.Independent || !slices.ContainsFunc(c.steps, func(t testState) bool { return t.runs > 0 }) {
		return nil
	}
	var list []suite.Value
	for _, d := range c.suite.Metrics {
		switch {
		case !d.Counted, d.Name == suite.ClaimRunMetric, d.Name == suite.ClaimSuccessMetric: // the textfile's
		case d.Name == suite.ChecksMetric:
			list = append(list, c.claimCounts(steps)...)
		default:
			list = append(list, c.eachClaim(d)...)
		}
	}
	return list
}

// claimCounts are how many claims ended how.
func (c *Collector) claimCounts(steps []Step) (list []suite.Value) {
	count := map[Outcome]int{}
	for _, step := range steps {
		count[step.Outcome]++
	}
	known := map[Outcome]bool{Failed: true, LeftOut: c.chosen != nil, NotAsked: c.asked != nil, Passed: true}
	for _, status := range []struct {
		label   string
		outcome Outcome
	}{{"failed", Failed}, {"left_out", LeftOut}, {"not_asked", NotAsked}, {"passed", Passed}} {
		if known[status.outcome] {
			list = append(list, suite.Value{
				Name: suite.ChecksMetric, Labels: map[string]string{
					"status": status.label,
				}, Value: float64(count[status.outcome]),
			})
		}
	}
	return list
}

// eachClaim is, for each claim, whether it holds, under the only label of the measurement.
func (c *Collector) eachClaim(d suite.Definition) (list []suite.Value) {
	whole := c.processEnded() == nil
	for i := range c.steps {
		if held, known := c.steps[i].claimHolds(whole); known {
			list = append(list, suite.Value{
				Name: d.Name, Labels: map[string]string{d.Labels[0]: c.steps[i].name}, Value: held,
			})
		}
	}
	return list
}
