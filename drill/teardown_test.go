package drill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/suite"
)

// teardown leaves nothing behind, or with -keep the sandbox and the way into it.
func (d *drill) teardown(ctx context.Context) error {
	d.closeSession(ctx)
	var err error
	if d.settings.Keep && d.box != nil {
		err = errors.Join(err, d.keep(ctx))
	} else {
		err = errors.Join(err, d.destroy(ctx))
	}
	return reason.Wrap(reason.SandboxFailed, errors.Join(err, d.closeSource(ctx)))
}

func (d *drill) closeSession(ctx context.Context) {
	if d.conn != nil {
		_ = d.conn.Close(ctx) // the server may be gone, and it is about to be
		d.conn = nil
	}
}

// keep marks the sandbox, so that no reaper takes it before its time, and says how to enter it.
func (d *drill) keep(ctx context.Context) error {
	until := time.Now().Add(keepFor)
	if err := d.box.Keep(ctx, until); err != nil {
		return fmt.Errorf("keep the sandbox: %w", err)
	}
	d.note("the sandbox %s is kept until %s; the next run after that removes it", d.box.Name(), until.UTC().Format(time.RFC3339))
	switch running, err := d.serverRunning(ctx); {
	case d.server == nil:
	case err != nil || !running:
		d.note("its server is not running; its log: %s", d.enter("tail -n 50 "+d.server.LogFile))
	default:
		d.note("enter it: %s", d.enter(fmt.Sprintf("psql -h %s -p %d -U %s -d %s",
			d.server.Socket, d.server.Port, orDefault(d.server.User, "postgres"), d.settings.Database)))
	}
	d.box = nil
	return nil
}

// enter is what to type on this machine to run a command in the sandbox.
func (d *drill) enter(command string) string {
	if machine, ok := d.box.(sandbox.Enterer); ok {
		return machine.Enter(command)
	}
	return command
}

func (d *drill) serverRunning(ctx context.Context) (bool, error) {
	if d.server == nil {
		return false, nil
	}
	return d.server.Running(ctx)
}

func orDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func (d *drill) destroy(ctx context.Context) error {
	if d.box == nil {
		return nil
	}
	if err := d.box.Destroy(ctx); err != nil {
		return fmt.Errorf("destroy the sandbox: %w", err)
	}
	if err := d.box.Gone(ctx); err != nil {
		return fmt.Errorf("the sandbox is still there: %w", err)
	}
	d.say("nothing of %s is left", d.box.Name())
	d.box = nil
	return nil
}

// closeSource ends a seeded source and the scratch machine, then frees the stanza.
func (d *drill) closeSource(ctx context.Context) error {
	var err error
	if d.control != nil { // it stands on the source's ground
		err = d.control.Destroy(ctx)
	}
	if d.source != nil {
		err = errors.Join(err, d.source.Close(ctx))
	}
	d.source, d.control = nil, nil
	if d.lock != nil {
		err = errors.Join(err, d.lock.Release())
		d.lock = nil
	}
	return err
}

// release is behind teardown, for a test that panicked on its way there.
func (d *drill) release() {
	ctx, cancel := suite.Cleanup()
	defer cancel()
	if err := d.teardown(ctx); err != nil {
		d.t.Error(err)
	}
}
