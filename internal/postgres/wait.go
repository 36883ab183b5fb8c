package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// pollInterval is how often the postmaster's state is looked at: it bounds the error
// of the RTO. Every aliveEvery-th time a process is started to see
// whether the postmaster is alive.
const (
	pollInterval = 50 * time.Millisecond
	aliveEvery   = 10
	controlEvery = 2 // the last state lasts for some calls of restore_command, at the end of the archive
	// answerTimeout bounds the first session, once the postmaster says that it is
	// ready: what prevents it then will not go away.
	answerTimeout = time.Minute
)

// ErrDied is a postmaster that is gone.
var ErrDied = errors.New("the postmaster is gone")

// Wait waits until the cluster is out of recovery and watches the postmaster
// meanwhile: pg_isready and pg_ctl both say yes too early (facts B3). before runs
// between the end of recovery and the first connection. The connection that is returned is the
// first session, which alone still knows the last replayed commit.
func (s *Server) Wait(ctx context.Context, before func(context.Context) error) (*pgx.Conn, error) {
	polls := 0
	if err := wait.For(ctx, "the end of recovery", pollInterval, func(ctx context.Context) error {
		if polls++; polls%controlEvery == 0 {
			s.lookAtControl(ctx)
		}
		return s.ready(ctx, polls%aliveEvery == 0)
	}); err != nil {
		return nil, err
	}
	if err := before(ctx); err != nil {
		return nil, err
	}
	conn, err := s.firstAnswer(ctx)
	if !errors.Is(err, errNoWayIn) {
		return conn, err
	}
	if missing := MissingLocale(err); missing != nil {
		return nil, missing
	}
	if failed := s.openUp(ctx); failed != nil {
		return nil, reason.Wrap(reason.StartFailed, errors.Join(err, failed))
	}
	return s.firstAnswer(ctx)
}

// firstAnswer waits for the first session of a server that is out of recovery.
func (s *Server) firstAnswer(ctx context.Context) (conn *pgx.Conn, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTimeout,
		reason.Errorf(reason.StartFailed, "the server is up, and no session came about within %s", answerTimeout))
	defer cancel()
	err = wait.For(ctx, "the first answer", pollInterval, func(ctx context.Context) (err error) {
		conn, err = s.answering(ctx)
		return err
	})
	return conn, err
}

// ready reads the state the postmaster writes into the last line of its pid file:
// "ready" once connections are taken, which with hot_standby=off is after recovery.
// Asking the file does not fill the server log with refused connections.
//
// It is missing when the postmaster has ended, and still there when it was killed.
func (s *Server) ready(ctx context.Context, checkAlive bool) error {
	content, err := s.Host.Read(ctx, path.Join(s.Data, "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, s.alive(ctx))
	}
	if err != nil {
		return stopIfLost(err)
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	state := strings.TrimSpace(lines[len(lines)-1])
	if state == "ready" {
		return nil
	}
	err = fmt.Errorf("the postmaster says %q", state)
	if checkAlive {
		err = errors.Join(err, s.alive(ctx))
	}
	return err
}

// answering connects and asks whether recovery is over.
func (s *Server) answering(ctx context.Context) (*pgx.Conn, error) {
	conn, err := s.firstSession(ctx)
	if err != nil {
		if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code != "57P03" { // cannot_connect_now
			return nil, wait.Stop(err)
		}
		if _, lost := reason.Of(err); lost { // the way in, not the server
			return nil, wait.Stop(err)
		}
		return nil, errors.Join(err, s.alive(ctx))
	}
	var recovering bool
	if err := conn.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&recovering); err != nil {
		return nil, errors.Join(err, s.alive(ctx))
	}
	if recovering {
		return nil, errors.Join(errors.New("it is still in recovery"), conn.Close(ctx))
	}
	return conn, nil
}

// alive ends a wait when nothing is left to wait for.
func (s *Server) alive(ctx context.Context) error {
	running, err := s.Running(ctx)
	if err == nil && !running {
		return wait.Stop(ErrDied)
	}
	return stopIfLost(err)
}

// stopIfLost ends a wait when the machine itself is in trouble, which its host says by
// a reason; what has none may be over at the next look.
func stopIfLost(err error) error {
	if _, lost := reason.Of(err); lost {
		return wait.Stop(err)
	}
	return err
}
