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
	for _, part := range found.Unrefuted(c.unlike) {
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
	if len(relations) > 0 || c.knowsAll(time.Now()) || found.Whole() {
		out.Metric("different_relations", float64(len(relations)))
	}
	return again
}

// everything is the key of the moment since when all that was found to differ is remembered; of what was found before,
// nothing is known.
const everything = ""

// differsLong is how long BackupDataDiffers goes by what was said last.
const differsLong = 15 * 24 * time.Hour

// knowsAll says whether nothing can have differed before that the alert still stands for, and nobody remembers.
func (c *comparison) knowsAll(now time.Time) bool {
	since, remembered := c.unlike[everything]
	return remembered && now.Sub(since) >= differsLong
}

// unlikeSince is since when something differs, of all that does, or may still.
func (c *comparison) unlikeSince(found compare.Result, now time.Time) map[string]time.Time {
	since := map[string]time.Time{everything: now}
	switch begun, remembered := c.unlike[everything]; {
	case found.Whole():
		since[everything] = now.Add(-differsLong)
	case remembered:
		since[everything] = begun
	}
	for _, part := range slices.Concat(found.Unlike(), found.Unrefuted(c.unlike)) {
		key := part.Key()
		if since[key] = now; !c.unlike[key].IsZero() {
			since[key] = c.unlike[key]
		}
	}
	return since
}
