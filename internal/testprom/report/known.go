package report

import (
	"slices"
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
	// ToTheEnd says that a drill went to the end of the archive. Of another host, or by a report of a release before,
	// that is not known.
	ToTheEnd bool `json:"to_the_end,omitempty"`
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
		own.Red = slices.DeleteFunc(slices.Clone(own.Red), func(name string) bool { return name != suite.EndOfArchive })
	case r.Passed(), r.Backups != "" && r.Backups != Unknown: // also where only cleaning up failed
	default:
		return r.Last
	}
	return &own
}

// AtFault says whether somebody has to look, by what is known: nothing is no fault.
func (k *Known) AtFault() bool {
	return k != nil && (k.Verdict == VerdictOf(reason.ExitFailed) || len(k.Red) > 0)
}

// EndRed says whether a drill to the end of the archive was red, and none went there since: one with a -target that
// passes says nothing of what lies behind it.
func (k *Known) EndRed() bool {
	return k != nil && (k.Verdict == VerdictOf(reason.ExitFailed) && k.ToTheEnd ||
		slices.Contains(k.Red, suite.EndOfArchive))
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
