package drill

import (
	"context"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// launch makes the throw-away machine.
func (d *drill) launch(ctx context.Context) (err error) {
	d.box, err = d.env.sandbox.Launch(ctx, sandbox.Spec{Stanza: d.stanza, Run: d.run})
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	d.say("sandbox %s", d.box.Name())
	return nil
}

// provision puts the host's own pgbackrest.conf into the sandbox, byte for byte, and
// finds the programs the restore needs there.
func (d *drill) provision(ctx context.Context) error {
	if err := d.install(ctx, d.box); err != nil {
		return err
	}
	d.client = d.clientOn(d.box)
	version, err := d.client.Version(ctx)
	if err != nil {
		return err
	}
	installation, err := postgres.Find(ctx, d.box, d.info.Version(d.set))
	if err != nil {
		return err
	}
	if version != d.version {
		d.note("pgBackRest is %s here and %s in the sandbox", d.version, version)
	}
	d.server = &postgres.Server{
		Host: d.box, Installation: installation, Data: d.box.Dir("data"), Conf: d.box.Dir("etc"),
		Socket: d.box.Dir("run"), LogFile: d.box.Dir("log") + "/postgresql.log", Port: 5432, Env: append(d.client.Patience, pgbackrest.ReplayEnv...),
	}
	d.say("PostgreSQL %s and pgBackRest %s", installation.Version, version)
	return d.enough(ctx, d.box)
}
