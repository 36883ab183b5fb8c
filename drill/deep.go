package drill

import (
	"context"
	"time"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/verify"
)

// deepReserve is kept of the run's own time, for what comes after the deeper checks.
const deepReserve = 5 * time.Second

// deeperChecks look at what no query of the operator's asks for, as far as the budget goes.
// What does not fit is said, and is neither a pass nor a failure.
func (r recovered) deeperChecks(ctx context.Context, out suite.Out, counts map[verify.Status]int) error {
	workers, err := r.cores(ctx)
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	told := func(check string, done, total int64, unit string) {
		out.Progress(suite.Progress{What: check, Done: done, Total: total, Unit: unit})
	}
	pages := func(bound context.Context) (verify.Pages, error) {
		return r.checkPages(ctx, bound, func(done, total int64) { told("page_checksums", done, total, suite.Bytes) })
	}
	server := r.cluster.server
	checks := verify.Deep{
		Connect: server.ConnectReader, Superuser: server.Connect, Workers: workers, Pages: pages, Told: told,
	}
	budget := checkBudget(ctx, r.Settings.CheckBudget)
	if budget < r.Settings.CheckBudget && len(r.Settings.Deep) > 0 {
		out.Note("-check-budget %s is cut to %s, which the test's deadline leaves: give go test a longer -timeout",
			r.Settings.CheckBudget, budget.Round(time.Second))
	}
	outcomes, err := checks.Run(ctx, r.Settings.Deep, budget)
	for _, o := range outcomes {
		tell(out, o)
		counts[o.Status]++
	}
	tellOutcomes(out, outcomes)
	var failed error
	if failure := verify.Failure(outcomes); failure != nil {
		failed = reason.Errorf(failure.Reason, "%s: %s", failure.Check, failure.Sentence)
	}
	if _, known := reason.Of(err); known {
		return gravest(failed, err)
	}
	return r.orBroken(ctx, out, failed, err)
}

// tell prints what became of one, and keeps for the report what is worth it.
func tell(out suite.Out, o verify.Outcome) {
	for _, note := range o.Notes {
		out.Note("%s: %s", o.Check, note)
	}
	switch o.Status {
	case verify.NotAsked:
		return
	case verify.LeftOut:
		out.Note("deeper check %s left out: %s", o.Check, o.Sentence)
		return
	case verify.Failed:
		out.Say("deeper check %s: FAILED: %s", o.Check, o.Sentence)
	case verify.Passed:
		out.Say("deeper check %s: ok, %.2f s, %s", o.Check, o.Took.Seconds(), o.Sentence)
	}
	out.Metric("check_duration_seconds", o.Took.Seconds(), "check", o.Check)
}

// checkBudget is -check-budget, or what is left of the run when that is less.
func checkBudget(ctx context.Context, budget time.Duration) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		budget = min(budget, max(time.Until(deadline)-deepReserve, 0))
	}
	return budget
}

// checkPages stops the server, which nobody needs any more, and has every page read within
// bound. A kept sandbox gets its server back, within run.
func (r recovered) checkPages(run, bound context.Context, told func(done, total int64)) (verify.Pages, error) {
	if !r.control.HasChecksums() {
		return verify.Pages{Off: true}, nil
	}
	server := r.cluster.server
	_ = r.conn.Close(bound) // the server is about to be stopped
	if err := server.StopCleanly(bound); err != nil {
		return verify.Pages{}, reason.Wrap(reason.SandboxFailed, err)
	}
	found, err := server.CheckPages(bound, told)
	if r.Settings.Keep || server.Kept {
		if again := startAgain(run, server); err == nil {
			err = again
		}
	}
	return verify.Pages{Blocks: found.Blocks, Bad: found.Bad, Strays: found.Strays, Ended: found.Ended}, err
}

// startAgain brings back the server of a sandbox that is kept.
func startAgain(ctx context.Context, server *postgres.Server) error {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	control, err := postgres.ReadControl(ctx, server.Host, server.Installation, server.Data)
	if err == nil {
		err = server.Start(ctx, control)
	}
	return reason.Wrap(reason.SandboxFailed, err)
}
