package drill

import (
	"context"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/wal"
)

// proveBeforeFailover proves, of the first recovery of -target timeline, that it took nothing
// of the new timeline, that nothing from after its target came back, and that it left nothing
// in the archive: the second recovery begins another timeline.
func (r recovered) proveBeforeFailover(ctx context.Context, out suite.Out) error {
	last := r.plan.chain.Switches[len(r.plan.chain.Switches)-1]
	if err := onTheOldTimeline(r.end.replayed, last, r.target); err != nil {
		return err
	}
	out.Note("before the failover: recovered to %s on timeline %d, which ended at %s", r.end.replayed, last.Timeline,
		last.At)
	rows, unread := r.heartbeat(ctx, out)
	if err := r.twoSided(out, rows, unread); err != nil {
		return err
	}
	return r.leftNothing(ctx, out)
}

// onTheOldTimeline says whether a recovery ended before the failover.
func onTheOldTimeline(replayed wal.LSN, failover wal.Switch, to target.Target) error {
	if replayed < failover.At {
		return nil
	}
	return reason.Errorf(reason.RecoveryIncomplete,
		"-target %s lies before the failover at %s, and recovery went on to %s after it", to, failover.At, replayed)
}

// restoreAgain stops the cluster, empties the sandbox, and restores the set once more, for the
// point after the failover. The clock of the RTO starts again.
func (r recovered) restoreAgain(ctx context.Context, out suite.Out) (restored, error) {
	again := r.restored
	_ = r.conn.Close(ctx) // the server is about to be stopped
	if err := r.cluster.server.Stop(ctx); err != nil {
		return again, reason.Wrap(reason.SandboxFailed, err)
	}
	return again.afresh(ctx, out, again.plan.aim.second)
}

// afresh empties the sandbox and restores the set once more, to be recovered to a target.
func (r restored) afresh(ctx context.Context, out suite.Out, to target.Target) (restored, error) {
	again := r
	if err := r.empty(ctx); err != nil {
		return again, err
	}
	again.started = time.Now()
	if err := again.run(ctx, out, to); err != nil {
		return again, overspent(ctx, again.Settings.RTO, again.started, failedRestore(err))
	}
	again.took = time.Since(again.started)
	return again, nil
}
