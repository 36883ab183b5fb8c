package guest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// Run runs a command in the container, as user postgres unless another is named, in that
// user's home, with an environment of its own. When ctx ends, it and every process that
// descends from it are killed. A command of which nobody knows how it ended (the
// daemon was restarted, the container was stopped) is sandbox_failed, never a *host.ExitError.
func (m *Machine) Run(ctx context.Context, c host.Command) (host.Result, error) {
	if len(c.Argv) == 0 {
		return host.Result{}, errors.New("a command without a program")
	}
	if _, ok := ctx.Deadline(); !ok {
		return host.Result{}, fmt.Errorf("%s: %w", c.Argv[0], host.ErrNoDeadline)
	}
	ctx, done, err := m.Begin(ctx)
	if err != nil {
		return host.Result{}, fmt.Errorf("%s: %w", c.Argv[0], err)
	}
	defer done()
	if wait.Over(ctx) {
		return host.Result{}, fmt.Errorf("%s: %w", c.Argv[0], context.Cause(ctx))
	}
	before, err := m.engine.Life(ctx)
	if err != nil {
		return host.Result{}, m.ended(ctx, c, err)
	}
	user, err := m.Account(ctx, c.User)
	if err != nil {
		return host.Result{}, m.ended(ctx, c, err)
	}
	if err = host.RefuseRoot(c.Argv[0], user.UID); err != nil {
		return host.Result{}, err
	}
	return m.run(ctx, c, user, before)
}

// run runs a command that can be run.
func (m *Machine) run(ctx context.Context, c host.Command, user Account, before string) (host.Result, error) {
	mark := rand.Text()
	argv := Perl(
		runScript,
		append([]string{user.UID, user.GID, user.Groups, cmp.Or(c.Dir, user.Home), c.Dir}, c.Argv...)...)
	stdout, stderr := &sink{to: c.Stdout}, &sink{}
	code, err := m.exec(ctx, argv, Environment(user, c.Env, mark), mark, Streams{c.Stdin, stdout, stderr})
	result := host.Result{Stdout: stdout.take(), Stderr: stderr.take()}
	if err != nil {
		return result, m.ended(ctx, c, err)
	}
	if code == 0 {
		return result, stdout.failed()
	}
	if err = notStarted(c.Argv[0], mark, result.Stderr); err != nil {
		return result, err
	}
	// A stopped container takes its commands along, and that looks like a status of theirs.
	after, err := m.engine.Life(ctx)
	if err != nil {
		return result, m.ended(ctx, c, err)
	}
	if after != before {
		return result, reason.Errorf(reason.SandboxFailed, "%s: %s was started anew while it ran", c.Argv[0],
			m.engine.Called())
	}
	if code > 128 { // killed: perhaps together with the container, which the daemon has not noticed yet
		if err := m.pulse(ctx); err != nil {
			return result, m.ended(ctx, c, err)
		}
	}
	return result, &host.ExitError{Argv: c.Argv, Code: code, Result: result}
}

// ended is the error of a command that has no exit status.
func (m *Machine) ended(ctx context.Context, c host.Command, err error) error {
	if wait.Over(ctx) {
		return fmt.Errorf("%s: %w (%v)", c.Argv[0], context.Cause(ctx),
			err) //nolint:errorlint // only the cause may speak
	}
	return m.lost(c.Argv[0], err)
}
