package report

import (
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// Known is a verdict on the backups of now.
type Known struct {
	Verdict string        `json:"verdict"`          // pass or fail
	Reason  reason.Reason `json:"reason,omitempty"` // "" of another host's red one
	End     time.Time     `json:"ended"`
	Red     []string      `json:"known_red,omitempty"` // as Report.KnownRed
	// ToTheEnd says that a drill went to the end of the archive; where it passed, with the newest set. Of another host,
	// or by a report of a release before, that is not known.
	ToTheEnd bool `json:"to_the_end,omitempty"`
	// Stopped is when the set of a red drill ended; nil where it came to none.
	Stopped *time.Time `json:"backup_stopped,omitempty"`
}

// Known is the newest verdict on the backups of now that the report tells of: that of its run, or, where it reached
// none, that of before; nil where there is none.
func (r Report) Known() *Known {
	of, _ := suite.Named(r.Suite)
	own := Known{
		Verdict: VerdictOf(reason.ExitPass), Reason: reason.None, End: r.End, Red: r.KnownRed,
		ToTheEnd: r.Suite == suite.Drill.Name && r.Labels[suite.TargetLabel] == "" && r.Labels[elsewhere] == "",
	}
	switch {
	case r.NotOfNow() != "":
		return r.Last
	case r.Exit == reason.ExitFailed, r.Backups == of.Words.AtFaultWord():
		own.Verdict, own.Reason = VerdictOf(reason.ExitFailed), r.Reason
		own.Stopped = Moment(r.Labels[suite.SetStoppedLabel])
		own.Red = slices.DeleteFunc(slices.Clone(own.Red), func(name string) bool {
			return name != suite.EndOfArchive && !strings.HasPrefix(name, deeper)
		})
		for _, name := range deepNames(r.Labels, "failed") {
			if !slices.Contains(own.Red, name) {
				own.Red = append(own.Red, name)
			}
		}
	case r.Passed(), r.Backups != "" && r.Backups != Unknown: // also where only cleaning up failed
		own.ToTheEnd = own.ToTheEnd && !suite.OlderSet(r.Labels) // a red one is red, whatever the set
	default:
		return r.Last
	}
	return &own
}

// deeper begins the name, among what is known to be red, of a deeper check of the drill.
const deeper = "deeper check "

func deepNames(labels map[string]string, outcome string) (names []string) {
	for name := range strings.SplitSeq(labels[suite.DeepLabel+outcome], ",") {
		if name != "" {
			names = append(names, deeper+name)
		}
	}
	return names
}

// DeepUnseen are the deeper checks that found damage when they looked last, and did not look in a run with these
// labels: the budget was spent before, or nobody asked for them.
func (k *Known) DeepUnseen(labels map[string]string) (names []string) {
	if k == nil {
		return nil
	}
	looked := slices.Concat(deepNames(labels, "passed"), deepNames(labels, "failed"))
	for _, name := range k.Red {
		if strings.HasPrefix(name, deeper) && !slices.Contains(looked, name) {
			names = append(names, name)
		}
	}
	return names
}

// AtFault says whether somebody has to look, by what is known: nothing is no fault.
func (k *Known) AtFault() bool {
	return k != nil && (k.Verdict == VerdictOf(reason.ExitFailed) || len(k.Red) > 0)
}

// EndRed says whether a drill to the end of the archive was red, and none went there since: one that
// passes says nothing of it with a -target, or with a set that is not the newest.
func (k *Known) EndRed() bool {
	return k != nil && (k.Verdict == VerdictOf(reason.ExitFailed) && k.ToTheEnd ||
		slices.Contains(k.Red, suite.EndOfArchive))
}

// EndedBy says whether a pass to the end of the archive ends what was red there, though it was of an older set, which
// stopped at a time: where the red one was of no newer set, or came to none. Whether that is so is not known after a
// run that left it red.
func (k *Known) EndedBy(stopped *time.Time) bool {
	return k.EndRed() && !slices.Contains(k.Red, suite.EndOfArchive) && suite.Reaches(stopped, k.Stopped)
}

// Moment reads a label that is a time; nil is one that says none.
func Moment(text string) *time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if at = at.UTC(); err != nil || at.Year() < 1 || at.Year() > 9999 { // others have no JSON
		return nil
	}
	return &at
}

// After says whether it is newer than another one, of which there may be none.
func (k *Known) After(other *Known) bool { return k != nil && (other == nil || k.End.After(other.End)) }

func (k *Known) sound() bool {
	switch {
	case k.End.IsZero():
		return false
	case k.Verdict == VerdictOf(reason.ExitPass):
		return k.Reason == reason.None
	}
	return k.Verdict == VerdictOf(reason.ExitFailed) && k.Reason != reason.None
}

// Unknown is what a run proved of the backups that proved nothing.
const Unknown = "unknown"
