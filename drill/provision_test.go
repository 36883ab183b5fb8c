package drill

import (
	"context"
	"errors"
	"fmt"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// provision puts the host's own pgbackrest.conf into the sandbox, byte for byte, with
// the files it names; finds the programs the restore needs there; and proves that
// the sandbox has a way to the repository and no other.
func (d *drill) provision(ctx context.Context) error {
	if err := d.repo.Equip(ctx, d.box, d.env.Local); err != nil {
		return err
	}
	d.client = d.repo.Client
	if err := d.programs(ctx); err != nil {
		return err
	}
	if late, ok := d.box.(sandbox.Waiter); ok {
		if err := late.Ready(ctx); err != nil {
			return reason.Wrap(reason.SandboxFailed, err)
		}
	}
	if guarded, ok := d.box.(sandbox.Isolated); ok {
		how, err := guarded.Isolated(ctx)
		if err != nil {
			return reason.Wrap(reason.SandboxFailed, err)
		}
		d.say("the sandbox is cut off: %s", how)
	}
	if err := d.sameAnswer(ctx); err != nil {
		return err
	}
	return d.enough(ctx, d.box)
}

// programs finds PostgreSQL and pgBackRest in the sandbox; with -install, what is
// missing is fetched.
func (d *drill) programs(ctx context.Context) error {
	err := d.findPrograms(ctx)
	installer, able := d.box.(sandbox.Installer)
	if why, _ := reason.Of(err); !able || why != reason.ToolMissing && why != reason.VersionMismatch {
		return err
	}
	if !d.settings.Install {
		return fmt.Errorf("%w; another -image has it, or -install fetches it", err)
	}
	major := d.info.Version(d.set)
	d.note("fetching postgresql-%s and pgbackrest: %v", major, err)
	if err = installer.Install(ctx, []string{"postgresql-" + major, "pgbackrest"}); err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	return d.findPrograms(ctx)
}

func (d *drill) findPrograms(ctx context.Context) error {
	version, err := d.client.Version(ctx)
	if errors.Is(err, host.ErrNotFound) {
		return reason.Wrap(reason.ToolMissing, err)
	}
	if err != nil {
		return err
	}
	if pgbackrest.Older(version, d.set.Backrest.Version) {
		return reason.Errorf(reason.VersionMismatch, "backup %s was made by pgBackRest %s, and the sandbox has %s: an older one may not read it",
			d.set.Label, d.set.Backrest.Version, version)
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
	return nil
}
