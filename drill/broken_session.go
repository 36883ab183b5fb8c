package drill

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/verify"
	"veza.fr/recovery/internal/wait"
)

// brokenSession tells a server that died, was hurt, or could not be reached from a query
// that failed.
func (c cluster) brokenSession(ctx context.Context, out suite.Out, err error) error {
	alive, unknown := c.server.Running(ctx)
	if unknown != nil { // a machine that cannot tell is no witness against the backup
		return reason.Wrap(reason.SandboxFailed, errors.Join(err, unknown))
	}
	if !alive {
		return c.whyNotUp(ctx, out, postgres.ErrDied)
	}
	log, unread := c.lastWords(ctx, err)
	if unread != nil {
		return reason.Wrap(reason.SandboxFailed, errors.Join(err, unread))
	}
	return queryFailure(log, err)
}

// orBroken is what speaks where an error, or nil, ended checks of which one had failed, or none: what is
// lacking here for a check hides no crash of the server in another one. Of a finding nobody need be asked.
func (c cluster) orBroken(ctx context.Context, out suite.Out, failed, err error) error {
	if err == nil || atFault(failed) {
		return failed
	}
	return gravest(failed, c.brokenSession(ctx, out, err))
}

// queryFailure is what a failed query says of a server that is up, by its log. A session that ended is
// never the query's fault: only a crash that the log tells of is the fault of what was read.
func queryFailure(log postgres.Log, err error) error {
	if log.Killed != "" {
		return reason.Errorf(reason.SandboxFailed, "%s: by somebody here, or out of memory: %w", log.Killed, err)
	}
	if verify.PostmasterGone(err) {
		return reason.Errorf(reason.SandboxFailed, "the postmaster was killed, by somebody here or out of memory: %w",
			err)
	}
	if !verify.SessionEnded(err) {
		err = verify.WithCodeReason(fmt.Errorf("query on the restored cluster: %w", err))
		return reason.Wrap(reason.SmokeQuery, err)
	}
	if why, known := log.CrashReason(); known {
		return reason.Errorf(why, "%s: %s: %w", log.Crashed, log.LastFatal(), err)
	}
	if log.Crashed != "" {
		return reason.Errorf(reason.SmokeQuery, "%s, while the restored cluster was asked: %w", log.Crashed, err)
	}
	return reason.Wrap(reason.SandboxFailed, fmt.Errorf(
		"the session was ended from outside, and the server's log tells of no crash: %w", err))
}

// Bounds of the wait for why a session broke. A crash may be noticed some time after the session's end, on a
// busy machine; where the server takes sessions after the first of them, there was none.
const (
	leastLastWords = 3 * time.Second
	mostLastWords  = 30 * time.Second
)

// lastWords reads the server log after a session broke. The session is told first: where it ended
// without a word of the server's, the log is waited for.
func (c cluster) lastWords(ctx context.Context, err error) (log postgres.Log, unread error) {
	ctx, cancel := context.WithTimeout(ctx, mostLastWords)
	defer cancel()
	_, answered := errors.AsType[*pgconn.PgError](err)
	begun := time.Now()
	_ = wait.For(ctx, "the server's last words", lookEvery/10, func(ctx context.Context) error { // or there are none
		said := !verify.SessionEnded(err) || answered || time.Since(begun) > leastLastWords && c.settled(ctx)
		bound, done := context.WithTimeout(context.WithoutCancel(ctx), toolTimeout)
		defer done()
		if log, unread = c.server.ReadLog(bound); unread != nil || said || log.Killed+log.Crashed != "" {
			return nil
		}
		return errors.New("nothing yet")
	})
	return log, unread
}

// settled says whether the server takes sessions again, or nobody is there any more who would.
func (c cluster) settled(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	conn, err := c.server.Connect(ctx, "")
	if err == nil {
		_ = conn.Close(ctx) // it was only to see
		return true
	}
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
}
