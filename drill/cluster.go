package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/verify"
	"veza.fr/recovery/internal/wait"
)

// cluster is a restored cluster that was started to recover to a target.
type cluster struct {
	server *postgres.Server
	target target.Target
	set    string // label of the backup set it came from
}

// whyNotUp reads the server log for the cause of a start that failed.
func (c cluster) whyNotUp(ctx context.Context, out suite.Out, err error) error {
	if _, known := reason.Of(err); ctx.Err() != nil && !known { // the run was stopped, or the store is gone
		return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	}
	if ctx.Err() != nil || !blamesServer(err) {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	log, unread := c.server.ReadLog(ctx)
	if errors.Is(unread, fs.ErrNotExist) {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	if unread != nil {
		return reason.Wrap(reason.SandboxFailed, errors.Join(err, unread))
	}
	out.Say("the end of the server log:\n%s", log.Tail())
	return startFailure(c.target, c.set, log.StartError())
}

// blamesServer says whether a failed start is for the server log to explain: the postmaster
// died or refused. What carries a reason, was killed by a signal, or never ran is not.
func blamesServer(err error) bool {
	if _, known := reason.Of(err); known {
		return false
	}
	exit, exited := errors.AsType[*host.ExitError](err)
	if exited {
		return exit.Code <= 128
	}
	return errors.Is(err, postgres.ErrDied)
}

// startFailure names the target of a recovery that failed, and what may help.
func startFailure(to target.Target, set string, failed error) error {
	if to.Kind == target.End {
		return failed
	}
	hint := ""
	if why, _ := reason.Of(failed); why == reason.RecoveryIncomplete {
		hint = " (an older target needs an older -set)"
	}
	return fmt.Errorf("-target %s, from backup %s%s: %w", to, set, hint, failed)
}

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

// queryFailure is what a failed query says of a server that is up, by its log.
func queryFailure(log postgres.Log, err error) error {
	switch {
	case log.Killed != "":
		return reason.Errorf(reason.SandboxFailed, "%s: by somebody here, or out of memory: %w", log.Killed, err)
	case verify.PostmasterGone(err):
		return reason.Errorf(reason.SandboxFailed, "the postmaster was killed, by somebody here or out of memory: %w",
			err)
	case hungUp(err) && log.Crashed == "":
		return reason.Wrap(reason.SandboxFailed, fmt.Errorf("the connection broke, and the server is well: %w", err))
	}
	return reason.Wrap(reason.SmokeQuery, fmt.Errorf("query on the restored cluster: %w", err))
}

// hungUp says whether a session ended, or did not come about, without a word of the server's.
func hungUp(err error) bool {
	if _, answered := errors.AsType[*pgconn.PgError](err); answered {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	_, refused := errors.AsType[*pgconn.ConnectError](err)
	return network || refused || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// lastWordsTime is how long the postmaster may take to write down why a session broke.
const lastWordsTime = 3 * time.Second

// lastWords reads the server log after a session broke. The session is told first: where
// it broke without a word, or with the word of a crash, the log is waited for.
func (c cluster) lastWords(ctx context.Context, err error) (log postgres.Log, unread error) {
	ctx, cancel := context.WithTimeout(ctx, lastWordsTime)
	defer cancel()
	said, answered := errors.AsType[*pgconn.PgError](err)
	expected := hungUp(err) ||
		answered && strings.HasPrefix(said.Code, "57P") // shut down, crashed, starting up
	_ = wait.For(ctx, "the last words of the server", lookEvery/10, func(context.Context) error { // there may be none
		var now postgres.Log
		bound, done := context.WithTimeout(context.WithoutCancel(ctx), toolTimeout)
		defer done()
		if now, unread = c.server.ReadLog(bound); unread != nil {
			return nil
		}
		log = now
		if expected && log.Killed+log.Crashed == "" {
			return errors.New("nothing yet")
		}
		return nil
	})
	return log, unread
}
