package drill

import (
	"context"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/verify"
	"veza.fr/recovery/internal/wait"
)

// overspent is what an error of restore or recovery means when the run's deadline cut it: a
// budget that was spent before that is the finding, not the deadline.
func overspent(ctx context.Context, budget time.Duration, started time.Time, err error) error {
	if ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	spent := time.Since(started)
	if why, _ := reason.Of(cause); why != reason.Timeout || spent <= budget {
		return err
	}
	return suite.Finding(
		reason.Errorf(reason.RTOExceeded, "the restore was still going on after %s, the RTO budget is %s: %w",
			spent.Round(time.Second), budget, cause),
	)
}

// costs are what a disaster would have cost, as it was measured.
type costs struct {
	rto   time.Duration
	worst time.Duration // at the worst moment between two backups; 0 when nothing was replayed
	// reckoned is the worst one by the rate of the replay alone, whatever was measured.
	reckoned time.Duration
	loss     loss
	// onNode is the most that the RTO would be with the cores of production's node; 0 where the sandbox has no more.
	onNode time.Duration
	node   productionNode
}

// budgets judges what was measured. An idle primary makes last_commit old although
// nothing is lost, so only heartbeat rows can exceed the RPO.
func (c costs) budgets(s settings.Settings) error {
	if c.rto > s.RTO {
		return reason.Errorf(reason.RTOExceeded, "the restore took %s, the budget is %s", c.rto.Round(time.Second),
			s.RTO)
	}
	if c.loss.basis == verify.BasisHeartbeat && c.loss.age > s.RPO {
		return reason.Errorf(reason.RPOExceeded,
			"the newest heartbeat row that came back is %s old, the budget is %s%s", c.loss.age.Round(time.Second),
			s.RPO, c.loss.why)
	}
	return nil
}

// judgeCost publishes what a disaster would have cost, and judges it, unless something is wrong with the data. It was
// measured by then: neither what could not be judged here, which err says, nor the deadline hides a budget that was
// crossed. A restore for real has its data back, and is told of it in a line.
func (r recovered) judgeCost(ctx context.Context, out suite.Out, lost loss, err error) (costs, error) {
	over := wait.Over(ctx)
	if why, _ := reason.Of(context.Cause(ctx)); atFault(err) || over && why != reason.Timeout {
		return costs{}, err
	}
	cost := r.cost(lost)
	cost.publish(out, r.Settings)
	late := cost.budgets(r.Settings)
	switch {
	case late == nil:
		return cost, err
	case r.real != nil:
		harmless(out, late)
		return cost, err
	case err != nil:
		out.Note("beside the budget, this could not be judged here: %s", pgbackrest.Printable(err.Error()))
	}
	if over {
		late = suite.Finding(late)
	}
	return cost, late
}

// publishBudgets publishes what the run will be judged by, so that alerts and dashboards compare with nothing else.
func publishBudgets(out suite.Out, s settings.Settings) {
	out.Metric("rto_budget_seconds", s.RTO.Seconds())
	out.Metric("rpo_budget_seconds", s.RPO.Seconds())
	out.Metric("backup_age_budget_seconds", s.BackupAge.Seconds())
}

// publish publishes the RTO, now and at the worst moment.
func (c costs) publish(out suite.Out, s settings.Settings) {
	out.Metric("rto_seconds", c.rto.Seconds())
	if c.onNode > 0 {
		out.Note("%s", c.node.costs(c.rto, c.onNode, s.RTO))
	}
	if c.worst == 0 {
		return
	}
	out.Metric("rto_worst_seconds", c.worst.Seconds())
	out.Say("RTO %s now, %s at the worst moment between two backups; budget %s",
		c.rto.Round(time.Millisecond), c.worst.Round(time.Millisecond), s.RTO)
	if s.Target.Kind == target.Worst && c.reckoned > 0 {
		out.Note("the worst moment between two backups: %s measured, %s reckoned, ratio %.2f",
			c.rto.Round(time.Millisecond), c.reckoned.Round(time.Millisecond), c.rto.Seconds()/c.reckoned.Seconds())
	}
}

// cost is what this recovery cost.
func (r recovered) cost(lost loss) costs {
	rto := r.answered.Sub(r.started)
	most := r.plan.mostBetweenBackups()
	of := nodeOf(r.Settings)
	return costs{
		rto: rto, worst: worstRTO(rto, r.took, r.end.log, most), reckoned: reckonedRTO(r.took, r.end.log, most),
		loss: lost, node: of, onNode: of.rto(r.took, rto-r.took, r.processes, r.nproc),
	}
}
