package drill

import (
	"cmp"
	"context"
	"errors"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/verify"
)

// verify proves that the clone is cut off and that the data is there, then measures
// what a disaster would have cost. What is wrong with the data goes before budgets.
func (d *drill) verify(ctx context.Context) error {
	if err := d.isolated(ctx); err != nil {
		return err
	}
	beats, unread := d.heartbeat(ctx)
	sides := d.twoSided(beats, unread)
	counts := map[verify.Status]int{verify.DeepPassed: 0, verify.DeepFailed: 0}
	data := d.runChecks(ctx, counts)
	age, err := d.measureRPO(ctx, beats, unread)
	deep := d.askDeeper(ctx, errors.Join(data, err), counts)
	for status, n := range counts {
		d.metric("checks", float64(n), "status", string(status))
	}
	left := d.leftNothing(ctx)
	if first := cmp.Or(breach(left), sides, data, deep, err, left); first != nil {
		return first
	}
	return cmp.Or(d.budgets(age), d.remember())
}

// askDeeper makes the deeper checks, unless the server is gone that they would ask.
func (d *drill) askDeeper(ctx context.Context, so error, counts map[verify.Status]int) error {
	if why, _ := reason.Of(so); so != nil && why.Exit() == reason.ExitEnvironment {
		return nil
	}
	return d.deeperChecks(ctx, counts)
}

// runChecks asks every check. None at all is an error, never a pass.
func (d *drill) runChecks(ctx context.Context, counts map[verify.Status]int) error {
	outcomes, err := verify.Run(ctx, d.server.Connect, d.checks, d.foundEnd())
	for _, outcome := range outcomes {
		mark, status := "ok", verify.DeepPassed
		if !outcome.Passed {
			mark, status = "FAILED", verify.DeepFailed
		}
		counts[status]++
		d.say("check %s: %s: %s", outcome.Check, mark, outcome.Sentence)
		if outcome.Numeric {
			d.metric("rows", outcome.Value, "check", outcome.Check)
		}
	}
	if failure := verify.Failure(outcomes); failure != nil {
		return reason.Errorf(failure.Reason, "%s", failure.Sentence)
	}
	if err != nil {
		return d.brokenSession(ctx, err)
	}
	if counts[verify.DeepPassed] == 0 {
		return reason.Errorf(reason.SmokeQuery, "no check ran: nothing is proved")
	}
	return nil
}

// foundEnd is T1: when recovery found the end of the archive. With a target it is the
// moment that was wanted back, from which the age of data counts then.
func (d *drill) foundEnd() time.Time {
	switch wanted := d.settings.Target; {
	case wanted.Kind == target.Time:
		return wanted.Time
	case wanted.Kind != target.End && d.commit != nil:
		return *d.commit
	case d.log.RedoDone.IsZero():
		return d.answered
	}
	return d.log.RedoDone
}

// budgets judges what was measured. An idle primary makes last_commit old although
// nothing is lost, so only a beat can exceed the RPO.
func (d *drill) budgets(lost rpo) error {
	rto := d.answered.Sub(d.restoreStart)
	d.metric("rto_seconds", rto.Seconds())
	if worst, ok := d.worstRTO(); ok {
		d.metric("rto_worst_seconds", worst.Seconds())
		d.say("RTO %s now, %s at the worst moment between two backups; budget %s", rto.Round(time.Millisecond), worst.Round(time.Millisecond), d.settings.RTO)
	}
	if rto > d.settings.RTO {
		return reason.Errorf(reason.RTOExceeded, "the restore took %s, the budget is %s", rto.Round(time.Second), d.settings.RTO)
	}
	if lost.basis == verify.BasisHeartbeat && lost.age > d.settings.RPO {
		return reason.Errorf(reason.RPOExceeded, "the newest beat that came back is %s old, the budget is %s%s", lost.age.Round(time.Second), d.settings.RPO, lost.why)
	}
	return nil
}

// worstRTO is the restore time plus the replay of the most segments that were
// archived between two backups, at the rate this replay was measured at; never less
// than what was measured now.
func (d *drill) worstRTO() (time.Duration, bool) {
	replay := d.log.RedoDone.Sub(d.log.RedoStart)
	if d.log.Segments() == 0 || replay <= 0 {
		return 0, false
	}
	perSegment := replay / time.Duration(d.log.Segments())
	worst := d.restoreTime + time.Duration(d.mostBetweenBackups())*perSegment
	return max(worst, d.answered.Sub(d.restoreStart)), true
}
