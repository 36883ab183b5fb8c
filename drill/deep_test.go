package drill

import (
	"context"
	"time"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
)

// deepReserve is kept of the run's own time, for what comes behind the deeper checks.
const deepReserve = 5 * time.Second

// deeperChecks look at what no query of the operator's asks for, as far as the budget goes.
// What does not fit is said, and is neither a pass nor a failure.
func (d *drill) deeperChecks(ctx context.Context, counts map[verify.Status]int) error {
	workers, err := d.cores(ctx)
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	checks := verify.Deep{Connect: d.server.Connect, Workers: workers, Pages: d.pages, Say: d.say}
	outcomes, err := checks.Run(ctx, d.settings.Deep, d.checkBudget())
	for _, o := range outcomes {
		d.tell(o)
		counts[o.Status]++
	}
	if failure := verify.DeepFailure(outcomes); failure != nil {
		return reason.Errorf(failure.Reason, "%s: %s", failure.Check, failure.Sentence)
	}
	if _, known := reason.Of(err); err == nil || known {
		return err
	}
	return d.brokenSession(ctx, err)
}

// tell prints what became of one, and keeps for the report what is worth it.
func (d *drill) tell(o verify.DeepOutcome) {
	for _, note := range o.Notes {
		d.note("%s: %s", o.Check, note)
	}
	switch o.Status {
	case verify.DeepNot:
		return
	case verify.DeepLeftOut:
		d.note("deeper check %s left out: %s", o.Check, o.Sentence)
		return
	case verify.DeepFailed:
		d.say("deeper check %s: FAILED: %s", o.Check, o.Sentence)
	case verify.DeepPassed:
		d.say("deeper check %s: ok, %.2f s, %s", o.Check, o.Took.Seconds(), o.Sentence)
	}
	d.metric("check_duration_seconds", o.Took.Seconds(), "check", o.Check)
}

// checkBudget is -check-budget, or what is left of the run when that is less.
func (d *drill) checkBudget() time.Duration {
	budget := d.settings.CheckBudget
	if deadline, ok := d.ctx.Deadline(); ok {
		budget = min(budget, max(time.Until(deadline)-deepReserve, 0))
	}
	return budget
}

// pages stops the server, which nobody needs any more, and has every page read. A kept
// sandbox gets its server back.
func (d *drill) pages(ctx context.Context) (verify.Pages, error) {
	if !d.controlData.HasChecksums() {
		return verify.Pages{Off: true}, nil
	}
	d.closeSession(ctx)
	if err := d.server.StopInOrder(ctx); err != nil {
		return verify.Pages{}, reason.Wrap(reason.SandboxFailed, err)
	}
	found, err := d.server.CheckPages(ctx)
	if d.settings.Keep {
		if again := d.startAgain(d.ctx); err == nil {
			err = again
		}
	}
	return verify.Pages{Blocks: found.Blocks, Bad: found.Bad}, err
}

// startAgain brings back the server of a sandbox that is kept.
func (d *drill) startAgain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	control, err := postgres.ReadControl(ctx, d.box, d.server.Installation, d.server.Data)
	if err == nil {
		err = d.server.Start(ctx, control)
	}
	return reason.Wrap(reason.SandboxFailed, err)
}
