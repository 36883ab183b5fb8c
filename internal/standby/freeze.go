package standby

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
	"veza.fr/recovery/internal/wal"
)

// Frozen is the state of all databases at one position.
type Frozen struct {
	At    wal.LSN // what is replayed, and not one record more
	Pause time.Duration
	// Timeline is that of what it receives, and ForSure the least it must be on; 0 where that is not known.
	Timeline, ForSure uint32
	Commit            *time.Time // of the last transaction that was replayed; nil for none since it was started
	// Side has the databases, and what sequences go on with: no snapshot keeps that.
	Side compare.Side
}

// holder is a session that will hold the snapshot of one database.
type holder struct {
	sessions  *sessions
	sequences map[compare.ID]compare.Sequence // as they were listed before
	read      map[compare.ID]compare.Sequence
	unread    map[compare.ID]error
}

// whilePaused is called by tests while replay stands still.
var whilePaused func()

// errMoved is replay that did not stand still to the end: two drills of one standby at a time resume each other.
var errMoved = errors.New("replay was resumed by somebody else meanwhile")

// freezes is how often a pause is tried that somebody else ends.
const freezes = 4

// Freeze pauses replay, takes a snapshot in each database and the position, and resumes. Replay goes on on every way
// out of here, and at the latest in guardTime. The reason of an error is standby_unusable.
func (s *Standby) Freeze(ctx context.Context) (f Frozen, err error) {
	for try := 1; ; try++ {
		if f, err = s.freeze(ctx); !errors.Is(err, errMoved) || try == freezes {
			return f, err
		}
	}
}

func (s *Standby) freeze(ctx context.Context) (f Frozen, err error) {
	s.thaw(ctx)
	f = Frozen{Side: compare.NewSide()}
	if err = s.revive(ctx); err != nil {
		return f, err
	}
	holders, err := s.hold(ctx, &f.Side)
	if err != nil {
		return f, err
	}
	defer func() {
		if err != nil {
			s.thaw(ctx)
		}
	}()
	if err = s.runs(ctx); err != nil {
		return f, unusable("%s", oneLine(err))
	}
	g, err := s.begin(ctx)
	if err != nil {
		if g != nil {
			g.end(ctx)
		}
		return f, unusable("the session that resumes replay cannot be opened, so it is not paused: %s", oneLine(err))
	}
	begun := time.Now()
	failed := s.paused(ctx, &f, holders)
	resumed := s.resume(ctx)
	f.Pause = time.Since(begun)
	if resumed != nil {
		return f, unusable("replay is paused and could not be resumed from here; a session on the server does that "+
			"within %s: %s", guardTime, oneLine(errors.Join(failed, resumed)))
	}
	g.end(ctx)
	if failed != nil {
		return f, reason.Errorf(reason.StandbyUnusable,
			"-standby: the pause was given up after %s, and replay goes on: %w",
			f.Pause.Round(time.Millisecond), failed)
	}
	for database, h := range holders {
		var listed map[compare.ID]compare.Sequence
		if err = s.ask(ctx, database, func(ctx context.Context, conn *pgx.Conn) (err error) {
			listed, err = compare.SequenceNames(ctx, conn)
			return err
		}); err != nil {
			return f, lost(err)
		}
		f.Side.Settle(listed, h.read, h.unread)
	}
	return f, nil
}

// runs is nil for replay that nobody has paused. Another drill's pause is over within guardTime; one that stays is an
// operator's, and is not ours to end.
func (s *Standby) runs(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, guardTime+connectTime/3, errors.New("somebody has paused its replay, "+
		"and resumes it, with SELECT pg_wal_replay_resume()"))
	defer cancel()
	return wait.For(ctx, "replay that nobody has paused", 50*lookEvery, func(ctx context.Context) error {
		var state string
		if err := s.conn.QueryRow(ctx, "SELECT pg_get_wal_replay_pause_state()").Scan(&state); err != nil {
			if ctx.Err() != nil {
				return err
			}
			return wait.Stop(err)
		}
		if state != "not paused" {
			return errors.New("the standby says: " + state)
		}
		return nil
	})
}

// hold opens sessions in each database, and lists its sequences. What cannot be opened is left out.
func (s *Standby) hold(ctx context.Context, side *compare.Side) (map[string]*holder, error) {
	open, closed, blocks, err := compare.Databases(ctx, s.conn)
	if err != nil {
		return nil, unusable("cannot be asked for its databases: %s", oneLine(err))
	}
	side.LeftOut, side.Closed, side.Blocks = append(side.LeftOut, closed...), closed, blocks
	holders := map[string]*holder{}
	var last error
	for _, database := range open {
		h := &holder{}
		if h.sessions, err = s.join(ctx, database, sessionsOf(len(open))); err == nil {
			h.sequences, err = compare.SequenceNames(ctx, h.sessions.all[0])
		}
		if err != nil {
			last = err
			side.LeftOut = append(side.LeftOut, compare.LeftOut{
				ID: compare.ID{Database: database}, Why: "the standby does not let us in: " + oneLine(err),
			})
			continue
		}
		holders[database] = h
		side.Databases = append(side.Databases, database)
	}
	if len(holders) == 0 {
		return nil, unusable("no database of it can be entered: %s", oneLine(last))
	}
	return holders, nil
}

// paused pauses replay and takes what must be taken while it stands still.
func (s *Standby) paused(ctx context.Context, f *Frozen, holders map[string]*holder) error {
	ctx, cancel := context.WithTimeoutCause(ctx, pauseTime,
		fmt.Errorf("replay did not stand still, or the snapshots were not taken, within %s", pauseTime))
	defer cancel()
	if _, err := s.conn.Exec(ctx, "SELECT pg_wal_replay_pause()"); err != nil {
		return fmt.Errorf("it may not be paused; the role needs EXECUTE on pg_wal_replay_pause and "+
			"pg_wal_replay_resume: %w", err)
	}
	if err := wait.For(ctx, "replay to stand still", lookEvery, s.standsStill); err != nil {
		return err
	}
	if whilePaused != nil {
		whilePaused()
	}
	var before, after string
	const position = "SELECT pg_last_wal_replay_lsn()::text"
	if err := s.conn.QueryRow(ctx, position).Scan(&before); err != nil {
		return err
	}
	var group sync.WaitGroup
	errs := make(chan error, len(holders))
	for _, h := range holders {
		group.Go(func() { errs <- h.take(ctx) })
	}
	group.Wait()
	for range holders {
		if err := <-errs; err != nil {
			return err
		}
	}
	// Nobody resumed it meanwhile: an operator, or the guard because this took too long.
	if err := s.standsStill(ctx); err != nil {
		return fmt.Errorf("%w: %w", errMoved, err)
	}
	if err := s.conn.QueryRow(ctx, position).Scan(&after); err != nil {
		return err
	}
	if before != after {
		return fmt.Errorf("%w: it went on from %s to %s", errMoved, before, after)
	}
	if err := s.conn.QueryRow(ctx, line).Scan(&f.Commit, &f.Timeline, &f.ForSure); err != nil {
		return err
	}
	at, err := wal.ParseLSN(after)
	f.At = at
	return err
}

// line asks what a position on a standby belongs to. The WAL receiver of one that is fed from an archive, or has lost
// its primary, says nothing; the control file then has the timeline of what was written to disk, and later ones may
// follow.
const line = `SELECT pg_last_xact_replay_timestamp(),
	coalesce((SELECT received_tli FROM pg_stat_wal_receiver), 0)::bigint,
	greatest((SELECT timeline_id FROM pg_control_checkpoint()),
		(SELECT min_recovery_end_timeline FROM pg_control_recovery()))::bigint`

// standsStill is nil while replay is paused.
func (s *Standby) standsStill(ctx context.Context) error {
	var state string
	if err := s.conn.QueryRow(ctx, "SELECT pg_get_wal_replay_pause_state()").Scan(&state); err != nil {
		return wait.Stop(err)
	}
	if state != "paused" {
		return errors.New("the standby says: " + state)
	}
	return nil
}

// Waiting for a lock in the pause is waiting for nothing: nobody lets go of one.
const (
	notForLong = "SET lock_timeout = '50ms'"
	asEver     = "SET lock_timeout = '2s'"
)

// take reads the sequences of a database, and takes its snapshot in each session.
func (h *holder) take(ctx context.Context) (err error) {
	list := h.sessions.ready()
	if _, err = list[0].Exec(ctx, notForLong); err != nil {
		return err
	}
	if h.read, h.unread, err = compare.ReadSequences(ctx, list[0], h.sequences); err != nil {
		return err
	}
	if _, err = list[0].Exec(ctx, asEver); err != nil {
		return err
	}
	for _, conn := range list {
		if _, err = conn.Exec(ctx, compare.Begin); err != nil {
			return err
		}
		if _, err = conn.Exec(ctx, "SELECT pg_current_snapshot()"); err != nil {
			return err
		}
	}
	return nil
}

// lightly asks a session that holds a snapshot, and has it keep no lock: replay waits for those, and ends the session.
// A lock that replay holds itself is asked for again.
func lightly(ctx context.Context, conn *pgx.Conn, ask func(context.Context, *pgx.Conn) error) (err error) {
	const tries = 3
	for range tries {
		if _, err = conn.Exec(ctx, beginPart); err != nil {
			return err
		}
		err = ask(ctx, conn)
		if conn.IsClosed() {
			return err
		}
		if _, failed := conn.Exec(ctx, endPart); failed != nil {
			return errors.Join(err, failed)
		}
		if !compare.Locked(err) {
			break
		}
	}
	return err
}

// Around what is asked under a snapshot that was taken before.
const (
	beginPart = "SAVEPOINT asking"
	endPart   = "ROLLBACK TO asking; RELEASE asking"
)

// resume has replay go on: by the first session, or another one when that is gone. A run that is stopped does so too.
func (s *Standby) resume(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), guardTime-pauseTime)
	defer cancel()
	const resume = "SELECT pg_wal_replay_resume()"
	_, err := s.conn.Exec(ctx, resume)
	if err == nil || notRecovering(err) {
		return nil
	}
	conn, failed := s.connect(ctx, "")
	if failed != nil {
		return errors.Join(err, failed)
	}
	s.conn = conn
	if _, err = conn.Exec(ctx, resume); notRecovering(err) {
		return nil
	}
	return err
}
