package standby

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// Ask is what a standby is asked for.
type Ask struct {
	Seeds  compare.Seeds
	Last   map[string]time.Time // when parts were compared last, by their keys
	Behind time.Duration        // the most that replay may be behind
	Rate   int64                // bytes that may be read in a second; 0 is no limit
	Told   func(done, total int)
}

// ErrBehind is the cause of digests that were ended because the standby fell behind.
var ErrBehind = errors.New("the standby fell behind")

// lagEvery is how often the standby is asked whether it keeps up.
const lagEvery = 5 * time.Second

// Digest asks for the digests of everything at the frozen position, until ctx ends, the budget with it. What a standby
// that fell behind was not asked for any more is left out, and left says so. The reason of an error is
// standby_unusable.
func (s *Standby) Digest(ctx context.Context, f *Frozen, ask Ask) (left string, err error) {
	defer func() { err = s.orPromoted(ctx, err) }()
	side := &f.Side
	for i, database := range side.Databases {
		var objects map[compare.ID]compare.Object
		var coded []compare.LeftOut
		if failed := s.ask(ctx, database, func(ctx context.Context, conn *pgx.Conn) (err error) {
			if objects, err = compare.Objects(ctx, conn, i == 0); err == nil {
				coded, err = compare.LeaveOutCode(ctx, conn, objects)
			}
			return err
		}); failed != nil {
			return "", lost(failed)
		}
		maps.Copy(side.Objects, objects)
		side.LeftOut = append(side.LeftOut, coded...)
	}
	parts := side.Askable()
	compare.Order(parts, ask.Last)
	bound, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.watch(bound, ask.Behind, stop)
	}()
	pace := &compare.Pace{PerSecond: ask.Rate}
	err = compare.Asker{
		Connect: func(ctx context.Context, database string) (*pgx.Conn, error) {
			return s.frozen[cmp.Or(database, side.Databases[0])].take(ctx)
		},
		Done:    func(conn *pgx.Conn) { s.frozen[conn.Config().Database].give(conn) },
		Workers: standbyWorkers, Seeds: ask.Seeds, Told: ask.Told, Pace: pace.Wait, Begin: beginPart, End: endPart,
	}.Digest(bound, side, parts)
	cause := context.Cause(bound)
	stop(nil)
	<-watched
	if errors.Is(cause, ErrBehind) {
		left, err = oneLine(cause), nil
	}
	if err == nil && wait.Over(ctx) && !errors.Is(context.Cause(ctx), compare.ErrBudget) {
		err = context.Cause(ctx)
	}
	if err != nil {
		return left, lost(err)
	}
	return left, s.stillTrue(context.WithoutCancel(ctx), f)
}

// watch stops the digests when replay falls behind: they may be what holds it up.
func (s *Standby) watch(ctx context.Context, most time.Duration, stop context.CancelCauseFunc) {
	_ = wait.For(ctx, "the end of the digests", lagEvery, func(ctx context.Context) error {
		lag, err := s.Behind(ctx, most)
		if err == nil && lag > 0 {
			stop(fmt.Errorf("%w: by %s, -compare-lag is %s", ErrBehind, lag.Round(time.Second), most))
		}
		return errors.New("not yet")
	})
}

// Behind is by how much replay is behind where that is more than a bound, and stays so for some seconds, else 0. What
// came last to a standby of a quiet primary is as old as the pause before it, for the moment until it is replayed.
func (s *Standby) Behind(ctx context.Context, most time.Duration) (lag time.Duration, err error) {
	if most <= 0 {
		return 0, nil
	}
	bound, cancel := context.WithTimeout(ctx, behindFor)
	defer cancel()
	caughtUp := wait.For(bound, "the standby to catch up", behindFor/20, func(context.Context) (failed error) {
		if lag, _, failed = s.Lag(ctx); failed != nil { // not bound: its end is what is waited for
			err = failed
			return wait.Stop(failed)
		}
		if lag > most {
			return ErrBehind
		}
		return nil
	})
	if caughtUp == nil || err != nil || ctx.Err() != nil {
		return 0, err
	}
	return lag, nil
}

// behindFor is how long a standby must be behind to be called so.
const behindFor = 2 * time.Second

// stillTrue proves that it is a standby still, and leaves out what DDL has changed meanwhile: names and files are
// looked up in the catalogs of now, whatever the snapshot is.
func (s *Standby) stillTrue(ctx context.Context, f *Frozen) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	shared := true
	for _, database := range f.Side.Databases {
		now, err := s.listNow(ctx, database, shared)
		switch {
		case errors.Is(err, errPromoted):
			return unusable("%s", err)
		case err != nil && s.dropped(ctx, database):
			f.Side.LeftOut = append(f.Side.LeftOut, compare.LeftOut{
				ID: compare.ID{Database: database}, Why: "it was dropped on production since the snapshot",
			})
			continue
		case err != nil:
			return lost(err)
		}
		for id, o := range f.Side.Objects {
			if (id.Database == database || id.Database == "" && shared) && now[id].Shape != o.Shape {
				f.Side.LeftOut = append(f.Side.LeftOut,
					compare.LeftOut{ID: id, Name: o.Name, Why: compare.ErrChanged.Error()})
			}
		}
		shared = false
	}
	return nil
}

// errPromoted is a standby that is none any more.
var errPromoted = errors.New("it was promoted while it was asked")

// listNow lists what a database holds by now.
func (s *Standby) listNow(
	ctx context.Context, database string, shared bool,
) (now map[compare.ID]compare.Object, err error) {
	conn, err := s.again(ctx, database)
	if err != nil {
		return nil, err
	}
	defer compare.CloseNow(ctx, conn)
	_, err = conn.Exec(ctx, compare.Begin)
	var recovering bool
	if err == nil {
		err = conn.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&recovering)
	}
	if err != nil {
		return nil, err
	}
	if !recovering {
		return nil, errPromoted
	}
	err = lightly(ctx, conn, func(ctx context.Context, conn *pgx.Conn) (err error) {
		now, err = compare.Objects(ctx, conn, shared)
		return err
	})
	return now, err
}

// again is a session for a look at a database as it is now: one of those that held its snapshot, which is of no more
// use, since the database may take no more of them.
func (s *Standby) again(ctx context.Context, database string) (*pgx.Conn, error) {
	if conn, err := s.frozen[database].take(ctx); err == nil {
		if _, err = conn.Exec(ctx, compare.End); err == nil {
			return conn, nil
		}
	}
	conn, err := s.connect(ctx, database)
	if err != nil {
		return nil, err
	}
	if err = compare.Prepare(ctx, conn); err != nil {
		compare.CloseNow(ctx, conn)
		return nil, err
	}
	return conn, nil
}

// dropped says whether a database is gone.
func (s *Standby) dropped(ctx context.Context, database string) bool {
	conn, err := s.connect(ctx, "")
	if err != nil {
		return false
	}
	defer compare.CloseNow(ctx, conn)
	var gone bool
	const query = "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)"
	return conn.QueryRow(ctx, query, database).Scan(&gone) == nil && gone
}

// Conflict says that a round was lost to replay, and that another one may do. A session that replay ends while it is
// between two questions learns of it as a connection that is gone.
func Conflict(err error) bool {
	for _, gone := range []error{errThawed, syscall.EPIPE, syscall.ECONNRESET, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, gone) {
			return true
		}
	}
	if err != nil && pgconn.SafeToRetry(err) { // pgx knows already that the connection is closed
		return true
	}
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{
		"40001", "40P01", "57P01", "57P04", "3D000", "25P02", "55000", "22023",
	}, answer.Code)
}

// lost is a round that came to nothing.
func lost(err error) error {
	return reason.Wrap(reason.StandbyUnusable, fmt.Errorf("-standby: %w; hot_standby_feedback = on there keeps the "+
		"primary from removing what a long query still needs", err))
}

// notRecovering says that a server was promoted: nothing is paused there (55000, "recovery is not in progress").
func notRecovering(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && answer.Code == "55000"
}
