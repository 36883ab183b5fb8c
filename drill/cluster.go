package drill

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
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
