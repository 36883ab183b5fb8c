package drill

import (
	"context"
	"math"
	"slices"
	"time"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/verify"
)

// mostNamed bounds what is named of a long list.
const mostNamed = 8

// judgeComparison says what the comparison came to, publishes it, and fails on any difference. It counts as one check:
// passed when something was compared, and nothing differs.
func (r recovered) judgeComparison(_ context.Context, out suite.Out, counts map[verify.Status]int) error {
	c := r.compared
	ended := func(status verify.Status) {
		counts[status]++
		out.Label(suite.ComparedLabel, string(status))
	}
	if c == nil {
		return nil
	}
	if c.result == nil {
		ended(verify.LeftOut)
		c.sayStill(out, time.Now())
		return nil
	}
	found := *c.result
	out.Metric("compared_rows", float64(found.Rows))
	out.Metric("compared_bytes", float64(found.Bytes))
	out.Metric("compare_coverage_ratio", found.Coverage())
	again := c.sayDifferent(out, found)
	waited, unkept := r.rememberCompared(found)
	if unkept == nil {
		waited.say(out)
	}
	named(out, "not compared: %s", found.LeftOut)
	if found.Missing > 0 {
		why := "within the budget"
		if c.left != "" { // noted by itself
			why = "for that"
		}
		out.Note("not compared %s: %d of %d ranges of blocks", why, found.Missing,
			found.Missing+int64(len(found.Same)+len(found.Different)))
	}
	named(out, "differs from "+c.with()+": %s", found.Differences)
	if len(found.Differences) > 0 {
		ended(verify.Failed)
		return reason.Errorf(reason.DataDiffers, "at %s, %d of %d relations are not what %s has: %s",
			c.frozen.At, found.DifferentRelations(), found.Relations, c.with(),
			pgbackrest.Printable(found.Differences[0].String()))
	}
	if unkept != nil { // what is wrong with the data goes before it
		return unkept
	}
	if len(found.Same) == 0 {
		ended(verify.LeftOut)
		out.Note("no row was compared")
		return nil
	}
	left := passedOver(found)
	if left {
		out.Note("a table, a column or a sequence that is left out keeps the comparison from being passed")
	}
	if found.Missing > 0 || left || c.unlisted(found) || again > 0 { // what was not looked at is no pass
		ended(verify.LeftOut)
	} else {
		ended(verify.Passed)
	}
	if !slices.Contains(r.Settings.Deep, "amcheck") {
		out.Note("indexes are no rows, and nothing here reads them: -deep leaves out amcheck")
	}
	out.Note("the same as %s at %s: %d rows in %d relations, %.0f %% of all blocks", c.with(), c.frozen.At, found.Rows,
		found.Relations, math.Floor(100*found.Coverage())) // nearly all is not all
	return nil
}

// passedOver says whether a table, a column or a sequence is left out. The share of the blocks that was compared says
// nothing of the last two. Tables with code are left out every time, and missing in that share.
func passedOver(found compare.Result) bool {
	return slices.ContainsFunc(found.LeftOut, func(l compare.LeftOut) bool { return l.Denied || l.OID != 0 && !l.Code })
}

// unlisted says whether a database could not be listed that takes connections: nothing of it was compared. Between two
// sets nothing may be left out but databases that nobody can enter.
func (c *comparison) unlisted(found compare.Result) bool {
	if c.sets != nil {
		return len(found.LeftOut) > len(c.frozen.Side.Closed)
	}
	return c.frozen.Side.Shut() || slices.ContainsFunc(found.LeftOut, func(l compare.LeftOut) bool {
		return l.OID == 0 && slices.Contains(c.frozen.Side.Databases, l.Database)
	})
}

// named notes the first of a list, and how many more there are.
func named[Item interface{ String() string }](out suite.Out, format string, list []Item) {
	for i, item := range list {
		if i == mostNamed {
			out.Note("... and %d more like these", len(list)-mostNamed)
			return
		}
		out.Note(format, pgbackrest.Printable(item.String()))
	}
}

// keys are those by which -state knows parts.
func keys(parts []compare.Part) map[string]bool {
	known := map[string]bool{}
	for _, part := range parts {
		known[part.Key()] = true
	}
	return known
}
