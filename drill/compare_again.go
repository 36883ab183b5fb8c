package drill

import (
	"slices"
	"time"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/suite"
)

// sayDifferent publishes in how many relations something differs: those of this run, and those of an earlier one that
// this one did not look at, of which it returns the number. Where nobody knows what differed before, a run that did not
// look at everything has nothing to say, and what was said last stands.
func (c *comparison) sayDifferent(out suite.Out, found compare.Result) (again int) {
	relations := map[compare.ID]bool{}
	for _, part := range found.Unlike() {
		relations[part.ID] = true
	}
	for _, part := range c.unrefuted(found) {
		if relations[part.ID] {
			continue
		}
		relations[part.ID] = true
		if again++; again <= mostNamed {
			out.Note("differs since %s, and was not compared in this run: %s",
				c.unlike[part.Key()].Format(time.DateOnly), pgbackrest.Printable(c.frozen.Side.NameOf(part.ID)))
		}
	}
	if again > mostNamed {
		out.Note("... and %d more like these", again-mostNamed)
	}
	if len(relations) > 0 || c.unlike != nil || found.Whole() {
		out.Metric("different_relations", float64(len(relations)))
	}
	return again
}

// unrefuted is what differed in an earlier run, and was not looked at in this one.
func (c *comparison) unrefuted(found compare.Result) []compare.Part {
	return found.Unrefuted(c.unlike)
}

// unlikeSince is since when something differs, of all that does, or may still.
func (c *comparison) unlikeSince(found compare.Result, now time.Time) map[string]time.Time {
	since := map[string]time.Time{}
	for _, part := range slices.Concat(found.Unlike(), c.unrefuted(found)) {
		key := part.Key()
		if since[key] = now; !c.unlike[key].IsZero() {
			since[key] = c.unlike[key]
		}
	}
	return since
}
