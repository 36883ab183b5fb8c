package drill

import (
	"context"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/suite"
)

// launch makes the throw-away machine.
func (d *drill) launch(ctx context.Context) (err error) {
	d.box, err = d.provider.Launch(ctx, d.spec(ctx))
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	d.say("sandbox %s", d.box.Name())
	return nil
}

// spec says what the sandbox is for, and which ways out it needs.
func (d *drill) spec(ctx context.Context) sandbox.Spec {
	spec := d.tag()
	if d.set.Label != "" { // chosen already
		spec.Major, spec.Need = d.info.Version(d.set), d.need()
	}
	return d.repo.Ways(ctx, spec)
}

// tag says whose a machine is, and how long it is wanted.
func (d *drill) tag() sandbox.Spec {
	return sandbox.Spec{Stanza: d.stanza, Run: d.run, Until: suite.Over(d.ctx)}
}

// served refuses, before anything is made, a repository that a sandbox without a
// network cannot reach.
func (d *drill) served(context.Context) error {
	if d.env.Local {
		return nil
	}
	return d.repo.Served(d.env.Name)
}

// sameAnswer proves that the sandbox sees the repository as this machine did: what it
// alone cannot read is the sandbox's fault, not the backup's.
func (d *drill) sameAnswer(ctx context.Context) error {
	if d.env.Local {
		return nil
	}
	info, err := d.client.Info(ctx)
	if err == nil {
		if status := info.RepoStatus(d.settings.Repo); status.Code != 0 {
			err = reason.Errorf(reason.SandboxFailed, "%s", pgbackrest.Printable(status.Message))
		}
	}
	if why, _ := reason.Of(err); err != nil && why != reason.RepoUnreachable {
		return reason.Errorf(reason.SandboxFailed, "this machine reads repository %d, the sandbox does not: %s", d.settings.Repo, pgbackrest.Printable(err.Error()))
	}
	return err
}
