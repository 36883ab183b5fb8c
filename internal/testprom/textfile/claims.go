package textfile

import (
	"maps"
	"slices"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// claims are when each claim was answered last, and when it held last. A run that did not ask one, or learned nothing
// of it, or that is older than the file's answer, leaves both as they were.
func (r Run) claims(old oldFile) (list []series) {
	if _, has := r.Suite.Definition(suite.ClaimRunMetric); !has {
		return nil
	}
	answered := map[string]float64{}
	for _, m := range r.Measurements {
		if m.Name == suite.ClaimMetric {
			answered[m.Labels["claim"]] = m.Value
		}
	}
	for _, name := range r.Suite.StepNames() {
		held, known := answered[name]
		if r.outdated(old.answered(r.Stanza, name)) {
			held, known = 0, false
		}
		if known {
			list = append(list, r.with(suite.ClaimRunMetric, unix(r), "claim", name))
		} else {
			list = append(list, old.answered(r.Stanza, name)...)
		}
		if held == 1 {
			list = append(list, r.with(suite.ClaimSuccessMetric, unix(r), "claim", name))
		} else {
			list = append(list, old.ofClaim(r.Stanza, name, suite.ClaimSuccessMetric)...)
		}
	}
	return list
}

// ofClaim is the old series of a claim with this name; none or one.
func (o oldFile) ofClaim(stanza, claim, name string) []series {
	return slices.DeleteFunc(o.carried(stanza, name), func(s series) bool {
		return s.labels["claim"] != claim || len(s.labels) != 2
	})
}

// knownRed are the claims that the run did not ask, whoever left them out, and that did not hold when they were asked
// last. A run that did not look at them must not call the backups sound.
func (r Run) knownRed(old oldFile) (names []string) {
	if r.endRed(old) {
		names = []string{suite.EndOfArchive}
	}
	if len(old.carried(r.Stanza, lastSuccess)) > 0 { // whoever removes the file begins anew
		names = append(names, r.Last.Unseen...)
	}
	for _, name := range r.NotAsked {
		if old.red(r.Stanza, name) {
			names = append(names, name)
		}
	}
	return names
}

// endRed says whether the end of the archive was red when a run went there last, and this one did not. File and report
// are written one after the other, and each may have missed a run: the one with the newer verdict counts. The file does
// not say whether a red run went there: without a report that does, it did. Whoever removes the file begins anew,
// but for what another host found. One that found it sound after the newest verdict of either ends it.
func (r Run) endRed(old oldFile) bool {
	last := old.carried(r.Stanza, lastSuccess)
	if !r.Aimed || len(last) == 0 || r.Elsewhere.Red {
		return r.Aimed && r.Elsewhere.Red
	}
	for _, verdict := range old.carried(r.Stanza, lastRunTimestamp) {
		if r.Elsewhere.Sound() && verdict.time().Before(r.Elsewhere.At) {
			return false
		}
		if r.Last.At.UnixMilli() < verdict.time().UnixMilli() {
			return last[0].value == 0
		}
	}
	if r.Last.At.IsZero() || !r.Last.EndRed && r.Last.At.After(later(r.At, r.Now).Add(suite.ClockSetBack)) {
		return last[0].value == 0 // nor does a report that passed at a time that is still to come
	}
	return r.Last.EndRed
}

// answered is when a claim was answered last; none or one. A file from before this series has it of a claim that did
// not hold: its last verdict.
func (o oldFile) answered(stanza, claim string) []series {
	if run := o.ofClaim(stanza, claim, suite.ClaimRunMetric); len(run) > 0 {
		return run
	}
	held := o.ofClaim(stanza, claim, suite.ClaimMetric)
	verdict := o.carried(stanza, lastRunTimestamp)
	if len(held) == 0 || held[0].value != 0 || len(verdict) == 0 {
		return nil
	}
	return []series{{suite.ClaimRunMetric, held[0].labels, verdict[0].value}}
}

// red says whether a claim did not hold when it was asked last.
func (o oldFile) red(stanza, claim string) bool {
	run := o.answered(stanza, claim)
	held := o.ofClaim(stanza, claim, suite.ClaimSuccessMetric)
	return len(run) > 0 && (len(held) == 0 || held[0].value < run[0].value)
}

// keepRed has the claims of one stanza that did not hold, and were asked at a time that cannot be true, asked now: a
// clock that was set back must not make a run forget them that leaves them out.
func (o *oldFile) keepRed(path, stanza string, now time.Time) {
	claims := map[string]bool{}
	for _, s := range o.series {
		claims[s.labels["claim"]] = true
	}
	delete(claims, "")
	var kept []series
	for _, claim := range slices.Sorted(maps.Keys(claims)) {
		if run := o.answered(stanza, claim); o.red(stanza, claim) && !plausible(run[0].value, now) {
			kept = append(kept, series{suite.ClaimRunMetric, run[0].labels, float64(now.Unix())})
			o.warn("the old file %s: claim %s did not hold, at a time that is not one in the past: kept as of now",
				path, claim)
		}
	}
	for _, s := range kept {
		o.series = slices.DeleteFunc(o.series, func(was series) bool { return was.id() == s.id() })
	}
	o.series = append(o.series, kept...)
}

// oldReason is the reason of the verdict that stays. Where it may have been that of a claim that holds now, it is the
// usual one of the claim that does not.
func (r Run) oldReason(old oldFile, claim string) string {
	last := r.Last
	told := claim == suite.EndOfArchive && last.EndRed || slices.Contains(last.Unseen, claim)
	if told && last.Reason != "" && last.Reason != reason.None {
		return string(last.Reason)
	}
	asked := slices.DeleteFunc(r.Suite.StepNames(), func(name string) bool { return slices.Contains(r.NotAsked, name) })
	mended := slices.ContainsFunc(asked, func(name string) bool { return old.red(r.Stanza, name) })
	for _, s := range old.carried(r.Stanza, lastSuccess) {
		if s.value == 0 && s.labels["reason"] != "" && !mended {
			return s.labels["reason"]
		}
	}
	if i := slices.Index(r.Suite.StepNames(), claim); i >= 0 {
		return string(r.Suite.Steps[i].Default)
	}
	return "" // a file without the verdict before: nobody knows why it was red
}
