package drill

import (
	"time"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
)

// stillOldest says, of a run that compared nothing, how old the oldest comparison is that -state remembers: it grows
// until one is made. What was never compared counts from when it was listed first.
func (c *comparison) stillOldest(out suite.Out, now time.Time) {
	var oldest time.Duration
	for _, moments := range []map[string]time.Time{c.ask.Last, c.listed} {
		for _, moment := range moments {
			oldest = max(oldest, now.Sub(moment))
		}
	}
	if c.remembers() {
		out.Metric("compare_oldest_seconds", oldest.Seconds())
	}
}

// remembers says whether anything is known of the runs before.
func (c *comparison) remembers() bool { return len(c.ask.Last)+len(c.listed) > 0 }

// rememberCompared writes down what was compared now, and found the same: what differs is forgotten, so that it comes
// first the next time. It returns the age of what was compared longest ago; of what never was, since it was listed
// first, or one range that is left out each time would keep all others from ever being late. That is not known in a
// first run that leaves anything out.
func (r recovered) rememberCompared(found compare.Result) (oldest time.Duration, known bool, err error) {
	now := time.Now().UTC().Truncate(time.Second)
	c := r.compared
	last, listed := map[string]time.Time{}, map[string]time.Time{}
	never := func(key string) {
		first, before := c.listed[key]
		if !before || first.After(now) { // a clock was wrong
			first = now
		}
		listed[key] = first
		oldest = max(oldest, now.Sub(first))
	}
	same, different := keys(found.Same), keys(found.Different)
	for part := range c.frozen.Side.Ranges() {
		key := part.Key()
		switch moment, before := c.ask.Last[key]; {
		case same[key]:
			last[key] = now
		case before && !different[key]:
			last[key] = moment
			oldest = max(oldest, now.Sub(moment))
		default:
			never(key)
		}
	}
	for _, name := range c.frozen.Side.ShutOnes() {
		never(compare.Part{ID: compare.ID{Database: name}}.Key()) // no part has OID 0
	}
	if r.Settings.State != "" {
		err = target.RememberCompared(r.Settings.State, c.memory(r.Stanza()), last)
		if err == nil {
			err = target.RememberListed(r.Settings.State, c.memory(r.Stanza()), listed)
		}
		err = reason.Wrap(reason.ConfigInvalid, err)
	}
	return oldest, len(listed) == 0 || c.remembers(), err
}
