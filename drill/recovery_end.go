package drill

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"time"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/verify"
	"veza.fr/recovery/internal/wal"
)

// end is where recovery ended.
type end struct {
	log      postgres.Log
	replayed wal.LSN
	commit   *time.Time // of the last replayed commit; nil for none
	fork     wal.Fork   // the timeline the sandbox began
}

// reachedTheEnd takes what only the first session knows, and proves that nothing is missing.
func (r *recovered) reachedTheEnd(ctx context.Context, out suite.Out) (err error) {
	var replayed string
	const query = "SELECT coalesce(pg_last_wal_replay_lsn()::text, ''), pg_last_xact_replay_timestamp()"
	if err = r.conn.QueryRow(ctx, query).Scan(&replayed, &r.end.commit); err != nil {
		return r.brokenSession(ctx, out, err)
	}
	if r.end.log, err = r.cluster.server.ReadLog(ctx); err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	if opened := r.cluster.server.Opened; opened != nil { // started again since: it knows nothing of the recovery
		out.Note("no superuser could log in, or no database took connections: the clone was opened in single-user mode")
		if r.real != nil {
			user, home := suite.Printable(r.cluster.server.User), suite.Printable(r.cluster.server.Home)
			out.Note("what that has changed stays in the restored cluster: role %s is a superuser that may log in, "+
				"and database %s takes connections", user, home)
		}
		r.end.log = *opened
		replayed, r.end.commit = r.end.log.RedoEnd, nil
		if last := r.end.log.LastCommit; !last.IsZero() {
			r.end.commit = &last
		}
	}
	if r.before != nil && r.end.commit == nil {
		r.end.commit = r.before.commit
	}
	r.end.replayed = lsn(replayed)
	if r.end.fork, err = r.endedOn(ctx); err != nil {
		return err
	}
	if !r.Past() {
		r.listed = r.plan.archive
	}
	if r.real != nil {
		r.real.taken = r.timelineTaken()
	}
	log, timeline := r.end.log, r.end.fork.From.Timeline
	out.Note("timeline %d replayed up to %s, %s", timeline, replayed, replayRate(log, r.plan.segmentSize))
	chain, err := r.expectedChain(ctx, out)
	if err != nil {
		return err
	}
	log = r.withoutOwn(ctx, out, log)
	r.end.log = r.before.whole(log)
	done := verify.Recovery{
		Chain: chain, SegmentSize: r.plan.segmentSize, Target: r.target,
		Replayed: r.end.replayed, Timeline: timeline, Log: log,
	}
	if err = acceptLoss(out, r.Session, done.Complete()); err != nil {
		return err
	}
	return r.throughTail(ctx, out, done)
}

// endedOn is where recovery ended: the timeline PostgreSQL chose for itself, and the last
// ancestor in its history.
func (r *recovered) endedOn(ctx context.Context) (fork wal.Fork, err error) {
	timeline := r.end.log.Timeline
	name := path.Join(r.cluster.server.Data, "pg_wal", wal.HistoryName(timeline))
	content, err := r.box.Read(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return fork, reason.Errorf(reason.RecoveryIncomplete, "the server log names no new timeline: %w", err)
	}
	if err != nil {
		return fork, reason.Wrap(reason.SandboxFailed, err)
	}
	history, err := wal.ParseHistory(string(content))
	if err != nil {
		return fork, reason.Errorf(reason.RecoveryIncomplete, "%s: %w", name, err)
	}
	return wal.Fork{Timeline: timeline, From: history[len(history)-1]}, nil
}
