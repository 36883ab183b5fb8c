package drill

import (
	"cmp"
	"context"
	"slices"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/verify"
)

// verdict are the answers of verify, each nil when nothing is wrong.
type verdict struct {
	traces error // what the sandbox left in the archive
	sides  error // of the recovery target
	data   error // the operator's checks
	deep   error // the deeper checks
	draft  error // the checks that are suggested, when they find damage
	rows   error // they are not those of the standby
	loss   error // the newest moment that came back cannot be told
	unsaid error // nothing says what must be there: the last to speak
}

// first is the failure that speaks. A sandbox that is not cut off goes before whatever is wrong with the data, because
// it spoils production; and what is wrong with the data goes before what could not be judged here.
func (v verdict) first() error {
	return cmp.Or(breach(v.traces), gravest(v.sides, v.data, v.draft, v.deep, v.rows, v.loss), v.traces)
}

// gravest is the first of the errors that the data is at fault for, else the first of all.
func gravest(errs ...error) error {
	if i := slices.IndexFunc(errs, atFault); i >= 0 {
		return errs[i]
	}
	return cmp.Or(errs...)
}

// atFault says whether an error is of something that is wrong with the data.
func atFault(err error) bool {
	why, _ := reason.Of(err)
	return why.Exit() == reason.ExitFailed
}

// inNeed says whether what the server would answer after these errors proves nothing: it is gone, or this machine has
// no room for it, and it may answer then as if its files were damaged. What one check lacks here, and a clock, keep no
// other from finding damage.
func inNeed(errs ...error) bool {
	return slices.ContainsFunc(errs, func(err error) bool {
		why, _ := reason.Of(err)
		return environmentFailed(err) && why != reason.ToolMissing && why != reason.ClockSkew
	})
}

// verifyCluster proves that the clone is cut off and that the data is there, then measures
// what a disaster would have cost. What is wrong with the data goes before budgets.
func verifyCluster(ctx context.Context, out suite.Out, r recovered) (costs, error) {
	if err := r.cloneIsolated(ctx, out); err != nil {
		return r.judgeCost(ctx, out, loss{}, err)
	}
	counts := map[verify.Status]int{verify.Passed: 0, verify.Failed: 0}
	var v verdict
	var lost loss
	rows, unread := r.heartbeat(ctx, out)
	v.sides = r.twoSided(out, rows, unread)
	v.data, v.unsaid = r.runChecks(ctx, out, counts)
	lost, v.loss = r.measureLoss(ctx, out, rows, unread)
	v.loss = r.real.onlyMeasured(ctx, out, v.loss, reason.ClockSkew)
	if v.unsaid != nil || r.Settings.Suggest != "" {
		v.draft, v.unsaid = r.suggest(ctx, out, v.unsaid)
	}
	if !inNeed(v.data, v.draft, v.loss) {
		v.deep = r.deeperChecks(ctx, out, counts)
	}
	if v.rows = r.compareOther(ctx, out); v.rows == nil {
		v.rows = r.judgeComparison(ctx, out, counts)
	}
	for status, n := range counts {
		out.Metric("checks", float64(n), "status", string(status))
	}
	v.traces = r.real.onlyMeasured(ctx, out, r.leftNothing(ctx, out), reason.RepoUnreachable)
	cost, err := r.judgeCost(ctx, out, lost, v.first())
	switch {
	case err != nil:
		return cost, err
	case r.real != nil:
		r.real.pass(out, v.unsaid)
		return cost, nil
	case v.unsaid != nil:
		return cost, v.unsaid
	}
	return cost, r.plan.aim.remember(r.Session, r.plan.left())
}

// environmentFailed says whether an error says something about this machine, not the backups.
func environmentFailed(err error) bool {
	why, _ := reason.Of(err)
	return err != nil && why.Exit() == reason.ExitEnvironment
}

// runChecks asks every check of the operator's. None at all is an error, never a pass; unsaid is that there is
// none, and that nobody knows what to ask.
func (r recovered) runChecks(
	ctx context.Context, out suite.Out, counts map[verify.Status]int,
) (failed, unsaid error) {
	outcomes, err := verify.Run(ctx, r.cluster.server.ConnectReader, r.checks, r.foundEnd())
	for _, outcome := range outcomes {
		mark := "ok"
		switch outcome.Status {
		case verify.Failed:
			mark = "FAILED"
		case verify.LeftOut:
			mark, unsaid = "left out", reason.Errorf(outcome.Reason, "%s", outcome.Sentence)
		}
		counts[outcome.Status]++
		out.Say("check %s: %s: %s", outcome.Check, mark, outcome.Sentence)
		if outcome.Numeric {
			out.Metric("rows", outcome.Value, "check", outcome.Check)
		}
	}
	if failure := verify.Failure(outcomes); failure != nil {
		failed = reason.Errorf(failure.Reason, "%s", failure.Sentence)
	}
	if err != nil && !atFault(failed) {
		if own := r.endsItself(ctx, err); own != nil {
			return own, unsaid
		}
	}
	if failed = r.orBroken(ctx, out, failed, err); failed != nil {
		return failed, unsaid
	}
	if counts[verify.Passed] == 0 && unsaid == nil {
		return reason.Errorf(reason.SmokeQuery, "no check ran: nothing is proved"), nil
	}
	return nil, unsaid
}

// foundEnd is T1: when recovery found the end of the archive. With a target, a repository of the past, or a cluster
// that production was moved from, it is the moment that was wanted back, from which the age of data counts then.
func (r recovered) foundEnd() time.Time {
	switch commit := r.end.commit; {
	case r.target.Kind == target.Time:
		return r.target.Time
	case (r.target.Kind != target.End || r.plan.left()) && commit != nil:
		return *commit
	case r.plan.left():
		return r.plan.set.Stopped()
	case r.Past():
		return r.Settings.RepoTargetTime
	case r.end.log.RedoDone.IsZero():
		return r.answered
	}
	return r.end.log.RedoDone
}
