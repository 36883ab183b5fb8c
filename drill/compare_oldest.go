package drill

import (
	"time"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
)

// waits is how old the comparison of a range is.
type waits struct {
	longest time.Duration // of any: from when it was compared last, or, if it never was, from when it was first listed
	never   bool          // one was never compared
	from    bool          // -state says when each was first listed
}

// say says it. Of what was never compared there is no oldest comparison: how long that has waited is a figure of its
// own, or one range that is left out each time would keep all others from ever being late.
func (w waits) say(out suite.Out) {
	if !w.never {
		out.Metric("compare_oldest_seconds", w.longest.Seconds())
	}
	if w.from {
		out.Metric("compare_waiting_seconds", w.longest.Seconds())
	}
}

// sayStill is for a run that compared nothing: what -state remembers grows older until a comparison is made.
func (c *comparison) sayStill(out suite.Out, now time.Time) {
	w := waits{never: len(c.listed) > 0, from: true}
	for _, moments := range []map[string]time.Time{c.ask.Last, c.listed} {
		for _, moment := range moments {
			w.longest = max(w.longest, now.Sub(moment))
		}
	}
	if len(c.ask.Last)+len(c.listed) > 0 {
		w.say(out)
	}
}

// rememberCompared writes down what was compared now, and found the same: what differs is forgotten, so that it comes
// first the next time. It returns how old that makes the comparison.
func (r recovered) rememberCompared(found compare.Result) (w waits, err error) {
	now := time.Now().UTC().Truncate(time.Second)
	c := r.compared
	last, listed := map[string]time.Time{}, map[string]time.Time{}
	never := func(key string) {
		first, before := c.listed[key]
		if !before || first.After(now) { // a clock was wrong
			first = now
		}
		listed[key] = first
		w.never, w.longest = true, max(w.longest, now.Sub(first))
	}
	coded := map[compare.ID]bool{}
	for _, l := range found.LeftOut {
		coded[l.ID] = l.Code
	}
	same, different := keys(found.Same), keys(found.Different)
	for part := range c.frozen.Side.Ranges() {
		key := part.Key()
		switch moment, before := c.ask.Last[key]; {
		case coded[part.ID]: // its turn never comes
		case same[key]:
			last[key] = now
		case before && !different[key]:
			last[key] = moment
			w.longest = max(w.longest, now.Sub(moment))
		default:
			never(key)
		}
	}
	for _, name := range c.frozen.Side.ShutOnes() {
		never(compare.Part{ID: compare.ID{Database: name}}.Key()) // no part has OID 0
	}
	if r.Settings.State == "" || r.plan.left() {
		return w, nil
	}
	w.from = true
	err = target.RememberCompared(r.Settings.State, c.memory(r.Stanza()), last)
	if err == nil {
		err = target.RememberListed(r.Settings.State, c.memory(r.Stanza()), listed)
	}
	if err == nil {
		err = target.RememberUnlike(r.Settings.State, c.memory(r.Stanza()), c.unlikeSince(found, now))
	}
	if err == nil {
		err = target.RememberCluster(r.Settings.State, c.memory(r.Stanza()), r.plan.info.SystemID(r.plan.set))
	}
	return w, reason.Wrap(reason.ConfigInvalid, err)
}
