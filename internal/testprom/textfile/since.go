package textfile

import (
	"math"
	"slices"
	"time"

	"veza.fr/recovery/internal/suite"
)

// ofVerdict are the series that speak of the backups.
var ofVerdict = []string{lastSuccess, lastRunTimestamp, lastSuccessTimestamp}

// outdated says whether the old file tells, in series of these, of a time since the run: a recording was judged late.
func (r Run) outdated(times []series) bool {
	return slices.ContainsFunc(times, func(s series) bool {
		return suite.Since(s.time(), r.At.Truncate(time.Millisecond), later(r.At, r.Now))
	})
}

// outdatedVerdict says whether the old file has a verdict of a time since the run.
func (r Run) outdatedVerdict(old oldFile) bool {
	return len(old.carried(r.Stanza, lastSuccess)) > 0 && r.outdated(old.carried(r.Stanza, lastRunTimestamp))
}

// warnOutdated says what of a run is not told, since the old file knows better, and whether that is so of its verdict.
func (r Run) warnOutdated(path string, old *oldFile) (verdictToo bool) {
	verdict := old.carried(r.Stanza, lastRunTimestamp)
	attempt := old.carried(r.Stanza, lastAttemptTimestamp)
	const stays = "%s keeps %s of %s: this run ended before it, at %s"
	ended := r.At.UTC().Format(time.RFC3339)
	switch {
	case r.Verdict != nil && r.outdatedVerdict(*old):
		old.warn(stays, path, "the verdict", verdict[0].time().Format(time.RFC3339), ended)
		return true
	case r.outdated(attempt):
		old.warn(stays, path, "what was tried last,", attempt[0].time().Format(time.RFC3339), ended)
	}
	return false
}

// attempt are the old series of a stanza that are of what was tried last: all but the verdict's, and when each
// claim was answered.
func (o oldFile) attempt(stanza string) (list []series) {
	lasting := append(slices.Clone(ofVerdict), suite.ClaimRunMetric, suite.ClaimSuccessMetric)
	for _, s := range o.series {
		if s.labels["stanza"] == stanza && !slices.Contains(lasting, s.name) {
			list = append(list, s)
		}
	}
	return list
}

// time is the value of a series that is one.
func (s series) time() time.Time { return time.UnixMilli(int64(math.Round(s.value * 1000))).UTC() }
