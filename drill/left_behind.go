package drill

import (
	"fmt"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/wal"
)

// Recovery follows the newest timeline. A restore to a target that was too early, put into production, has begun one:
// a later target lies on the timeline before it, which recovery leaves at the earlier moment. It takes the first
// commit of the new timeline for the target, and all seems well.

// failover is how long a primary may have gone on after the place where its standby left it, without a word of it: what
// an asynchronous standby lacked.
const failover = time.Minute

// behind is a target that lies, or may lie, on a timeline which recovery has left by then.
type behind struct {
	said     string // "" is that there is none
	timeline uint32
	sure     bool // what was written for a while before the target does not come back
}

// leftBehind looks for the timeline of a target that somebody has named. What the drill has chosen lies where it has
// looked.
func (p plan) leftBehind(to target.Target) (b behind) {
	var left wal.Left
	var found bool
	switch to.Kind {
	case target.Time:
		left, found = p.archive.LeftBefore(p.chain, to.Time)
		b.sure = !left.Whole.IsZero() && to.Time.Sub(left.Whole) > failover && left.Began.Sub(to.Time) > clocksApart
	case target.LSN:
		left, found = p.archive.HeldBeyond(p.chain, lsn(to.LSN))
	}
	if !found {
		return b
	}
	b.timeline = left.Timeline
	went := fmt.Sprintf("-target %s: recovery leaves timeline %d at %s for timeline %d, and timeline %d goes on to %s "+
		"(archived %s)", to, left.Timeline, left.At, left.Successor, left.Timeline, left.Last.Name,
		stamp(left.Last.Time))
	switch {
	case to.Kind == target.LSN:
		b.said = fmt.Sprintf("%s: both have this position, and that of timeline %d comes back", went, left.Successor)
	case b.sure:
		b.said = fmt.Sprintf("%s: what comes back ends before %s, and what was written from there to the target is on "+
			"timeline %d alone", went, stamp(left.Whole), left.Timeline)
	default:
		b.said = fmt.Sprintf("%s: if the target is after that place, what was written between the two is on timeline "+
			"%d alone, and does not come back", went, left.Timeline)
	}
	return b
}

// tellLeft refuses to restore for real what is surely not the moment that is asked for; -accept-loss goes on. A drill
// notes it: it proves what such a restore brings.
func (r ready) tellLeft(out suite.Out) error {
	to := r.Settings.Target
	found := r.plan.leftBehind(to)
	switch {
	case found.said == "" || r.View != nil: // said once is enough
		return nil
	case r.real == nil:
		out.Note("%s", found.said)
		return nil
	}
	r.real.left = found.said // it is said before the question
	if !found.sure || r.AcceptLoss {
		return nil
	}
	return reason.Errorf(reason.ConfigInvalid, "%s. pgBackRest itself restores that one: pgbackrest --stanza=%s "+
		"--repo=%d --set=%s --type=time --target='%s' --target-timeline=%d --archive-mode=off --pg1-path=DIRECTORY "+
		"restore; -accept-loss goes on without it", found.said, r.Stanza(), r.Settings.Repo, r.plan.set.Label,
		to.Time.Format("2006-01-02 15:04:05.999999-07:00"), found.timeline)
}
