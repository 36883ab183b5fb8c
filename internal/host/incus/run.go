package incus

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"slices"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// neverRoot are the programs that root does not run, whatever a caller asks for.
var neverRoot = []string{"pgbackrest", "postgres", "initdb", "pg_ctl"}

// Run runs a command in the container, as user postgres unless another is named, in that
// user's home, with an environment of its own. When ctx ends, it and every process that
// descends from it are killed. A command of which nobody knows how it ended (the
// daemon was restarted, the container was stopped) is sandbox_failed, never a *host.ExitError.
func (h *Host) Run(ctx context.Context, c host.Command) (host.Result, error) {
	if len(c.Argv) == 0 {
		return host.Result{}, errors.New("a command without a program")
	}
	if _, ok := ctx.Deadline(); !ok {
		return host.Result{}, fmt.Errorf("%s: %w", c.Argv[0], host.ErrNoDeadline)
	}
	if c.User == rootUser && slices.Contains(neverRoot, path.Base(c.Argv[0])) {
		return host.Result{}, fmt.Errorf("%s: root never runs it", c.Argv[0])
	}
	ctx, done, err := h.begin(ctx)
	if err != nil {
		return host.Result{}, fmt.Errorf("%s: %w", c.Argv[0], err)
	}
	defer done()
	if ctx.Err() != nil {
		return host.Result{}, fmt.Errorf("%s: %w", c.Argv[0], context.Cause(ctx))
	}
	before, err := h.inLife(ctx)
	if err != nil {
		return host.Result{}, h.ended(ctx, c, err)
	}
	user, err := h.account(ctx, c.User)
	if err != nil {
		return host.Result{}, h.ended(ctx, c, err)
	}
	return h.run(ctx, c, user, before)
}

// run runs a command that can be run.
func (h *Host) run(ctx context.Context, c host.Command, user account, before life) (host.Result, error) {
	mark := rand.Text()
	argv := perl(runScript, append([]string{user.uid, user.gid, user.groups, cmp.Or(c.Dir, user.home), c.Dir}, c.Argv...)...)
	stdout, stderr := &sink{to: c.Stdout}, &sink{}
	code, err := h.exec(ctx, argv, environment(user, c.Env, mark), mark, streams{c.Stdin, stdout, stderr})
	result := host.Result{Stdout: stdout.take(), Stderr: stderr.take()}
	if err != nil {
		return result, h.ended(ctx, c, err)
	}
	if code == 0 {
		return result, stdout.failed()
	}
	if err = notStarted(c.Argv[0], mark, result.Stderr); err != nil {
		return result, err
	}
	// A stopped container takes its commands along, and that looks like a status of theirs.
	after, err := h.inLife(ctx)
	if err != nil {
		return result, h.ended(ctx, c, err)
	}
	if after != before {
		return result, reason.Errorf(reason.SandboxFailed, "%s: instance %s was started anew while it ran", c.Argv[0], h.name)
	}
	if code > 128 { // killed: perhaps together with the container, which the daemon has not noticed yet
		if err := h.pulse(ctx); err != nil {
			return result, h.ended(ctx, c, err)
		}
	}
	return result, &host.ExitError{Argv: c.Argv, Code: code, Result: result}
}

// ended is the error of a command that has no exit status.
func (h *Host) ended(ctx context.Context, c host.Command, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w (%v)", c.Argv[0], context.Cause(ctx), err) //nolint:errorlint // only the cause may speak
	}
	return lost(h, c.Argv[0], err)
}
