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
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/verify"
)

// mostNamed bounds what is named of a long list.
const mostNamed = 8

// judgeComparison says what the comparison came to, publishes it, and fails on any difference. It counts as one check:
// passed when something was compared, and nothing differs.
func (r recovered) judgeComparison(_ context.Context, out suite.Out, counts map[verify.Status]int) error {
	c := r.compared
	if c == nil {
		return nil
	}
	if c.result == nil {
		counts[verify.LeftOut]++
		return nil
	}
	found := *c.result
	out.Metric("compared_rows", float64(found.Rows))
	out.Metric("compared_bytes", float64(found.Bytes))
	out.Metric("compare_coverage_ratio", found.Coverage())
	out.Metric("different_relations", float64(found.DifferentRelations()))
	oldest, all, unkept := r.rememberCompared(found)
	if all && unkept == nil {
		out.Metric("compare_oldest_seconds", oldest.Seconds())
	}
	named(out, "not compared: %s", found.LeftOut)
	if found.Missing > 0 {
		out.Note("not compared within the budget: %d of %d ranges of blocks", found.Missing,
			found.Missing+int64(len(found.Same)+len(found.Different)))
	}
	named(out, "differs from the standby: %s", found.Differences)
	if len(found.Differences) > 0 {
		counts[verify.Failed]++
		return reason.Errorf(reason.DataDiffers, "at %s, %d of %d relations are not what the standby has: %s",
			c.frozen.At, found.DifferentRelations(), found.Relations,
			pgbackrest.Printable(found.Differences[0].String()))
	}
	if unkept != nil { // what is wrong with the data goes before it
		return unkept
	}
	if len(found.Same) == 0 {
		counts[verify.LeftOut]++
		out.Note("no row was compared")
		return nil
	}
	if found.Missing > 0 || c.unlisted(found) { // what was not looked at is no pass
		counts[verify.LeftOut]++
	} else {
		counts[verify.Passed]++
	}
	if !slices.Contains(r.Settings.Deep, "amcheck") {
		out.Note("indexes are no rows, and nothing here reads them: -deep leaves out amcheck")
	}
	out.Note("the same as the standby at %s: %d rows in %d relations, %.0f %% of all blocks", c.frozen.At, found.Rows,
		found.Relations, math.Floor(100*found.Coverage())) // nearly all is not all
	return nil
}

// unlisted says whether the clone could not list a database that the standby did: nothing of it was compared.
func (c *comparison) unlisted(found compare.Result) bool {
	return slices.ContainsFunc(found.LeftOut, func(l compare.LeftOut) bool {
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

// rememberCompared writes down what was compared now. It returns the age of what was compared longest ago, and whether
// everything was compared once.
func (r recovered) rememberCompared(found compare.Result) (oldest time.Duration, all bool, err error) {
	now := time.Now().UTC().Truncate(time.Second)
	last := map[string]time.Time{}
	all = true
	compared := map[string]bool{}
	for _, part := range append(append([]compare.Part{}, found.Same...), found.Different...) {
		compared[part.Key()] = true
	}
	for part := range r.compared.frozen.Side.Ranges() {
		key := part.Key()
		switch moment, known := r.compared.ask.Last[key]; {
		case compared[key]:
			last[key] = now
		case known:
			last[key] = moment
			oldest = max(oldest, now.Sub(moment))
		default:
			all = false
		}
	}
	if r.Settings.State != "" {
		err = reason.Wrap(reason.ConfigInvalid, target.RememberCompared(r.Settings.State, r.Stanza(), last))
	}
	return oldest, all, err
}
