package standby

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/wait"
)

const (
	// guardTime is how long replay stands still at most, whatever happens here.
	guardTime = 15 * time.Second
	// pauseTime is after how much of it the pause is given up.
	pauseTime = 10 * time.Second
	// lookEvery is how often the server is asked whether it is so far.
	lookEvery = 2 * time.Millisecond
)

// guardQuery is sent before replay is paused, and is from then on the server's own: nobody has to be there when the
// second statement runs. A server does not notice during pg_sleep that its client is gone.
const guardQuery = "SELECT pg_sleep(15); SELECT pg_wal_replay_resume()"

// guard is a session whose server resumes replay in guardTime.
type guard struct{ conn *pgx.Conn }

// begin opens the guard's session and sees to it that it sleeps.
func (s *Standby) begin(ctx context.Context) (*guard, error) {
	conn, err := s.connect(ctx, "")
	if err != nil {
		return nil, err
	}
	g := &guard{conn}
	if err = compare.Prepare(ctx, conn); err != nil {
		return g, err
	}
	// Not ctx: a run that is stopped must not stop the guard.
	conn.PgConn().Exec(context.WithoutCancel(ctx), guardQuery)
	const sleeps = "SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'"
	ctx, cancel := context.WithTimeoutCause(ctx, guardTime/3,
		errors.New("the session that resumes replay does not come up"))
	defer cancel()
	err = wait.For(ctx, "the session that resumes replay", lookEvery, func(ctx context.Context) error {
		var asleep bool
		if failed := s.conn.QueryRow(ctx, sleeps, conn.PgConn().PID()).Scan(&asleep); failed != nil {
			return wait.Stop(failed)
		}
		if !asleep {
			return errors.New("it is not asleep yet")
		}
		return nil
	})
	if err != nil {
		g.end(ctx)
	}
	return g, err
}

// end takes the guard away once replay goes on: an operator may pause it now, and keeps that pause.
func (g *guard) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), guardTime/3)
	defer cancel()
	_ = g.conn.PgConn().CancelRequest(ctx) // else it resumes what is not paused
	compare.CloseNow(ctx, g.conn)
}
