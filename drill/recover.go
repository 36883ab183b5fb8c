package drill

import (
	"cmp"
	"context"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
)

// recovered is a cluster that is out of recovery, with what only its first session knows.
type recovered struct {
	restored
	cluster
	control  postgres.Control
	conn     *pgx.Conn // the first session
	answered time.Time // the first query: the clock of the RTO stops
	end      end
	listed   repository.Archive    // before the sandbox could have put anything into it
	unlisted bool                  // that of now could not be listed, and a restore for real went on
	made     []postgres.Tablespace // after the backup: redirected into the sandbox
	skipped  []string              // segments that a restore for real ends before
	how      pgbackrest.Getting    // how its segments were to be brought
	ahead    pgbackrest.Ahead      // what was put there for it
	stuck    error                 // why it cannot go on, and what to do about it
}

// recoverCluster starts PostgreSQL harmless, waits until it is out of recovery, and proves
// that recovery reached the end of the archive, or its target. The clock of the RTO stops with
// the first answered query. Of -target timeline the point before the failover comes first;
// what is measured is the recovery to the one after it.
func recoverCluster(ctx context.Context, out suite.Out, r restored) (recovered, error) {
	done, err := r.recoverTo(ctx, out)
	return done, done.unlessExpired(ctx, err)
}

// recoverTo recovers what was restored to the target, or to the two of them.
func (r restored) recoverTo(ctx context.Context, out suite.Out) (recovered, error) {
	if err := forgetLibpq(); err != nil {
		return recovered{}, reason.Wrap(reason.SandboxFailed, err)
	}
	r, err := r.compareFirst(ctx, out)
	if err != nil {
		return recovered{restored: r}, err
	}
	first := r.cluster(r.plan.aim.target, "postgresql.log")
	if r.plan.aim.second.Kind == target.End {
		return r.recoverMeasured(ctx, out, first)
	}
	before, err := r.recover(ctx, out, first)
	if err == nil {
		err = before.proveBeforeFailover(ctx, out)
	}
	if err != nil {
		return before, err
	}
	if r, err = before.restoreAgain(ctx, out); err != nil {
		return before, err
	}
	return r.recoverMeasured(ctx, out, r.cluster(r.plan.aim.second, "postgresql-after.log"))
}

// cluster is what was restored, to be recovered to a target.
func (r restored) cluster(to target.Target, logFile string) cluster {
	server := r.server
	server.LogFile = r.box.Dir("log") + "/" + logFile
	if to.Kind != target.End {
		server.Target = "recovery_target_" + string(to.Kind)
	}
	r.way.server = &server
	r.real.hold(&server)
	return cluster{server: &server, target: to, set: r.plan.set.Label}
}

// recoverMeasured is the recovery that counts, and whose server a kept sandbox has.
func (r restored) recoverMeasured(ctx context.Context, out suite.Out, c cluster) (recovered, error) {
	done, err := r.recover(ctx, out, c)
	if done.end.fork.Timeline != 0 {
		out.Metric("wal_segments_replayed", float64(done.end.log.Segments()))
	}
	return done, err
}

// recover starts a cluster, waits until it is out of recovery, and proves that nothing is
// missing. A deadline that cut it after the budget was spent is a finding.
func (r restored) recover(ctx context.Context, out suite.Out, c cluster) (recovered, error) {
	done := recovered{restored: r, cluster: c}
	err := done.start(ctx, out)
	answered := time.Now()
	done.tellGetting(ctx, out)
	if err != nil {
		return done, overspent(ctx, r.Settings.RTO, r.started, r.named(err))
	}
	done.answered = answered
	err = done.reachedTheEnd(ctx, out)
	if ctx.Err() == nil && !environmentFailed(err) {
		err = cmp.Or(err, done.real.recovered())
	}
	if err == nil {
		err = done.tellTooLow(ctx, out)
	}
	if err == nil {
		err = done.setApart(ctx, out)
	}
	return done, err
}

// forgetLibpq drops the PG... variables, which are for -primary alone: a PGSERVICE or
// PGTARGETSESSIONATTRS of the operator would keep the drill out of its own cluster.
func forgetLibpq() error {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "PG") {
			if err := os.Unsetenv(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// start checks that the restored files are those of the set, starts the server, watches its
// log while it replays, and waits until the first query is answered.
func (r *recovered) start(ctx context.Context, out suite.Out) (err error) {
	server := r.cluster.server
	if r.control, err = postgres.ReadControl(ctx, r.box, server.Installation, server.Data); err != nil {
		return err
	}
	if want, got := r.plan.info.SystemID(r.plan.set), r.control.SystemID(); want != got {
		return reason.Errorf(reason.RepoCorrupt,
			"the restored files are of the cluster with system identifier %s, backup.info says %s", got, want)
	}
	if err = r.sameSegmentSize(ctx, out); err == nil {
		err = r.followOffline(ctx, out)
	}
	if err == nil {
		err = r.judgeLate(ctx, out)
	}
	if err == nil {
		err = r.listNow(ctx, out)
	}
	if err != nil {
		return err
	}
	if err = r.chooseGetting(ctx, out); err != nil {
		return err
	}
	defer watch(ctx, func(ctx context.Context) {
		if log, unread := server.ReadLog(ctx); unread == nil { // the next look will do
			known := int64(len(r.plan.chain.Entries)) // production goes on archiving
			out.Progress(suite.Progress{What: "replayed", Done: int64(log.Segments()), Total: known, Unit: "segments"})
		}
	})()
	ctx, stop := whileStoreAnswers(ctx, r.repo.Repository, r.box)
	defer stop()
	ctx, stopRoom := r.whileThereIsRoom(ctx)
	defer stopRoom()
	if err = r.seal(ctx); err != nil {
		return err
	}
	err = server.Start(ctx, r.control)
	r.tellDifferences(out)
	if err == nil {
		r.conn, err = server.Wait(ctx, r.linksInside)
	}
	for err != nil && r.goesOn(ctx, out, err) {
		if err = server.Start(ctx, r.control); err == nil {
			r.conn, err = server.Wait(ctx, r.linksInside)
		}
	}
	closeLater(out, r.conn)
	if r.stuck != nil {
		return r.stuck
	}
	if err != nil {
		return r.whyNotUp(ctx, out, err)
	}
	if err = r.dropLeftLinks(ctx); err != nil {
		return r.brokenSession(ctx, out, err)
	}
	return nil
}

// goesOn says whether a replay that ended where a tablespace was made after the backup may begin again.
func (r *recovered) goesOn(ctx context.Context, out suite.Out, failed error) bool {
	if r.real != nil {
		return r.placed(ctx, out, failed)
	}
	return r.redirected(ctx, out, failed)
}

// closeLater closes a session, or none, when the run ends.
func closeLater(out suite.Out, conn *pgx.Conn) {
	if conn == nil {
		return
	}
	out.Undo(func(ctx context.Context, _ suite.Out) error {
		_ = conn.Close(ctx) // the server may be gone, and it is about to be
		return nil
	})
}

// sameSegmentSize checks what preflight had to infer, now that pg_control is here.
func (r *recovered) sameSegmentSize(ctx context.Context, out suite.Out) error {
	size, err := r.control.SegmentSize()
	if err != nil {
		return reason.Wrap(reason.StartFailed, err)
	}
	if size == r.plan.segmentSize {
		return nil
	}
	out.Note("WAL segments have %d bytes, not %d as the backups' positions let believe: following the archive again",
		size, r.plan.segmentSize)
	r.plan.segmentSize = size
	r.plan, err = r.plan.follow(ctx, out, r.Session, r.repo)
	return err
}
