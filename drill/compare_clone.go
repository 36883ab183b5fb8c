package drill

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wait"
	"veza.fr/recovery/internal/wal"
)

// Bounds of the clone's half.
const (
	archivedTime = 5 * time.Minute  // for the archive to come to the position
	archivedLate = 45 * time.Second // after archive_timeout
	stalledTime  = 2 * time.Minute  // without any progress of its replay
	listEvery    = 2 * time.Second
)

// before is what a recovery that was held at a position has done of the whole one.
type before struct {
	log    postgres.Log
	replay time.Duration
	commit *time.Time // the last one that was replayed
	how    pgbackrest.Getting
	ahead  pgbackrest.Ahead // what the server goes on with
}

// compareFirst recovers the clone to the standby's position, compares there, and hands the clone on to the recovery
// that counts, which goes on from there. Asking and waiting are not in the RTO; replay is.
func (r restored) compareFirst(ctx context.Context, out suite.Out) (restored, error) {
	c := r.compared
	if c == nil || closed(c.done) && !c.goesOn() {
		return r, nil
	}
	if c.sets == nil {
		begun := time.Now()
		if err := c.wait(ctx, out); err != nil {
			return r, err
		}
		if c.goesOn() {
			var err error
			if c.at, err = r.untilArchived(ctx, out, c.frozen.At, c.standby.Switches); err != nil {
				c.giveUp(out, err)
			}
		}
		r.started = r.started.Add(time.Since(begun))
	}
	if !c.goesOn() {
		return r, nil
	}
	held, err := r.hold(ctx, out)
	if err == nil {
		return held, nil
	}
	if ctx.Err() != nil {
		return r, overspent(ctx, r.Settings.RTO, r.started, err)
	}
	if log, unread := r.way.server.ReadLog(ctx); unread == nil {
		out.Say("the end of the server log:\n%s", log.Tail())
	}
	c.giveUp(out, reason.Errorf(c.unusable(), "-compare %s: the clone could not be asked at %s: %s", r.Settings.Compare,
		c.at, oneLine(err)))
	return r.asIfNever(ctx, out)
}

// goesOn says, of a comparison whose standby is done, whether the clone is asked as well.
func (c *comparison) goesOn() bool { return c.failed == nil && c.frozen.At != 0 }

func closed(done chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// wait waits for what the standby says.
func (c *comparison) wait(ctx context.Context, out suite.Out) error {
	select {
	case <-c.done:
	default:
		out.Say("waiting for the standby to be asked")
		select {
		case <-c.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	out.Metric("compare_pause_seconds", c.pause.Seconds())
	if c.failed != nil {
		c.giveUp(out, c.failed)
	} else if c.left != "" {
		out.Note("the standby was not asked for all: %s", pgbackrest.Printable(c.left))
	}
	return nil
}

// untilArchived waits until the archive holds the position: production switches segments by archive_timeout. Where
// nothing happens there any more, but for records that change no data, it never does: then the clone is asked where the
// archive ends. That both are equal there is as true as elsewhere; a difference is none then.
func (r restored) untilArchived(
	ctx context.Context, out suite.Out, at wal.LSN, switches time.Duration,
) (wal.LSN, error) {
	size := r.plan.segmentSize
	last := at.Last(size)
	archived := r.plan.chain.Last().Number
	if archived >= last {
		return at, nil
	}
	bound := r.archivedWithin(ctx, switches)
	out.Say("waiting until the archive holds %s, at most %s", at, bound)
	ctx, cancel := context.WithTimeoutCause(ctx, bound, errNotArchived)
	defer cancel()
	err := wait.For(ctx, "the archive", listEvery, func(ctx context.Context) error {
		a, err := r.repo.List(ctx, r.plan.directory(r.repo), size, 1)
		if err != nil {
			return wait.Stop(err)
		}
		for segment := range a.Entries {
			archived = max(archived, segment.Number)
		}
		if archived < last {
			return errors.New("it is not there yet")
		}
		return nil
	})
	if errors.Is(err, errNotArchived) {
		out.Note("the archive ends before %s, where the standby was asked: the clone is asked at its end", at)
		return wal.LSN((archived + 1) * size), nil
	}
	return at, reason.Wrap(reason.StandbyUnusable, err)
}

// archivedWithin bounds the wait for the archive. Production switches within archive_timeout, however long that is; but
// the recovery that counts must still fit into the run, and asking the clone.
func (r restored) archivedWithin(ctx context.Context, switches time.Duration) time.Duration {
	if switches <= 0 {
		return archivedTime
	}
	after := max(r.Settings.RTO-time.Since(r.started), 0) + r.Settings.CompareBudget/2
	return min(switches+archivedLate, max(archivedTime, checkBudget(ctx, math.MaxInt64)-after))
}

// errNotArchived ends the wait for the archive.
var errNotArchived = errors.New("the archive does not come to where the standby was asked")

// hold recovers the clone to the position, has both sides compared, and lets it go. An error of what differs is none:
// that is for verify to say.
func (r restored) hold(ctx context.Context, out suite.Out) (restored, error) {
	c := r.compared
	held := recovered{restored: r, cluster: r.cluster(r.plan.aim.target, "postgresql-compare.log")}
	server := held.cluster.server
	server.Hold = &postgres.Hold{At: c.at, Least: c.least()}
	if c.at != c.frozen.At {
		server.Hold.Archived = c.at - wal.LSN(r.plan.segmentSize)
	}
	conn, err := held.startHeld(ctx, out)
	if err != nil {
		return r, err
	}
	reached := time.Now()
	c.at = server.Hold.At
	was := before{how: held.how, ahead: held.ahead}
	was.log, err = server.ReadLog(ctx)
	if err == nil {
		err = conn.QueryRow(ctx, "SELECT pg_last_xact_replay_timestamp()").Scan(&was.commit)
		c.commit = was.commit
	}
	compare.CloseNow(ctx, conn)
	switch {
	case err != nil:
	case c.sets != nil:
		err = held.digestFirst(ctx, out)
	default:
		err = r.digest(ctx, out, server)
	}
	if err == nil {
		err = server.Release(ctx)
	}
	if err != nil {
		return r, err
	}
	was.replay = reached.Sub(was.log.RedoStart)
	out.Say("recovered to %s, %d segments, and %s in %.1f s", c.at, was.log.Segments(), c.doneThere(),
		time.Since(reached).Seconds())
	r.started = r.started.Add(time.Since(reached))
	r.server, r.before = *server, &was
	return r, nil
}

// startHeld starts the server and waits until it stands still at the position.
func (r *recovered) startHeld(ctx context.Context, out suite.Out) (conn *pgx.Conn, err error) {
	server := r.cluster.server
	if r.control, err = postgres.ReadControl(ctx, r.box, server.Installation, server.Data); err != nil {
		return nil, err
	}
	if err = r.getting(ctx); err != nil {
		return nil, err
	}
	ctx, stop := whileStoreAnswers(ctx, r.repo.Repository, r.box)
	defer stop()
	if err = r.seal(ctx); err != nil {
		return nil, err
	}
	for {
		if err = server.StartHeld(ctx, r.control); err == nil {
			conn, err = server.WaitHeld(ctx, stalledTime, r.sealedInside)
		}
		if err != nil && conn != nil {
			compare.CloseNow(ctx, conn)
			conn = nil
		}
		if err == nil || !r.redirected(ctx, out, r.diedOf(ctx, err)) {
			return conn, err
		}
	}
}

// diedOf adds to an error of a hot standby that its postmaster died, where it did: a session may have come about before
// that, and is what the error is of.
func (c cluster) diedOf(ctx context.Context, err error) error {
	bound, cancel := context.WithTimeout(ctx, leastLastWords)
	defer cancel()
	var gone bool
	_ = wait.For(bound, "the end of the postmaster", lookEvery/10, func(ctx context.Context) error { // or it goes on
		running, unknown := c.server.Running(ctx)
		switch {
		case unknown != nil:
			return wait.Stop(unknown)
		case running:
			return errors.New("it is running")
		}
		gone = true
		return nil
	})
	if gone {
		return errors.Join(err, postgres.ErrDied)
	}
	return err
}

// asking is how a held clone is asked.
type asking struct {
	role    string
	listing compare.Listing
	parts   func(compare.Side) []compare.Part // what of it
}

// askHeld asks a clone that stands still at the position.
func (r restored) askHeld(
	ctx context.Context, out suite.Out, server *postgres.Server, how asking,
) (clone compare.Side, err error) {
	c := r.compared
	workers, err := r.cores(ctx)
	if err != nil {
		return clone, err
	}
	// "" is any database. Which ones there are, the superuser asks: it is not known yet which of them let the role in.
	connect := func(ctx context.Context, database string) (*pgx.Conn, error) {
		role := how.role
		switch {
		case database != "":
		case len(clone.Databases) > 0:
			database = clone.Databases[0]
		default:
			role = server.User
		}
		return server.ConnectRole(ctx, role, database, compare.Parameters)
	}
	bound, cancel := context.WithTimeoutCause(ctx, checkBudget(ctx, r.Settings.CompareBudget/2), compare.ErrBudget)
	defer cancel()
	if clone, err = compare.State(bound, connect, how.listing); err != nil {
		return clone, err
	}
	parts := how.parts(clone)
	compare.Order(parts, c.ask.Last)
	err = (compare.Asker{
		Connect: connect, Workers: workers, Seeds: c.ask.Seeds, Clone: true,
		Begin: compare.Begin, End: compare.End,
		Told: func(done, total int) {
			out.Progress(suite.Progress{What: "compared", Done: int64(done), Total: int64(total), Unit: "parts"})
		},
	}).Digest(bound, &clone, parts)
	return clone, err
}

// digest asks the clone for what the standby was asked for, as the same role, and compares.
func (r restored) digest(ctx context.Context, out suite.Out, server *postgres.Server) error {
	c := r.compared
	clone, err := r.askHeld(ctx, out, server, asking{role: c.standby.User, parts: c.frozen.Side.AlsoIn})
	if err != nil {
		return err
	}
	result := c.against(clone)
	if err = c.keptOut(clone, &result, func() bool { return c.standby.LetsIn(ctx) }); err != nil {
		c.giveUp(out, err)
		return nil
	}
	if len(result.Differences) > 0 {
		if err = ranFull(ctx, server); err == nil {
			err = r.comparable(ctx, out)
		}
		if err != nil {
			c.giveUp(out, fmt.Errorf("%w; %d relations differ there, the first is %s", err, result.DifferentRelations(),
				result.Differences[0]))
			return nil
		}
	}
	c.result = &result
	return nil
}

// asIfNever restores the set once more: what the clone did on the way to the position has no say in what is proved.
func (r restored) asIfNever(ctx context.Context, out suite.Out) (restored, error) {
	out.Note("the backup is restored once more, for the recovery that counts")
	running, err := r.way.server.Running(ctx)
	if err == nil && running {
		err = r.way.server.Stop(ctx)
	}
	if err != nil {
		return r, reason.Wrap(reason.SandboxFailed, err)
	}
	return r.afresh(ctx, out, r.plan.aim.target)
}

// whole adds what a held recovery did before to what the log of the second says: the rate of the replay, and the
// number of its segments, are those of both.
func (b *before) whole(log postgres.Log) postgres.Log {
	if b == nil {
		return log
	}
	log.Restored = append(append([]string{}, b.log.Restored...), log.Restored...)
	if !log.RedoStart.IsZero() {
		log.RedoStart = log.RedoStart.Add(-b.replay)
	}
	return log
}
