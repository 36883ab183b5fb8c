package drill

import (
	"cmp"
	"context"
	"os"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/verify"
)

// preflight finds out, before anything is restored, whether there is something to
// restore and whether it is whole. What waiting cannot mend fails here, in seconds.
func (d *drill) preflight(ctx context.Context) error {
	for _, part := range []func(context.Context) error{
		d.configure, d.reserve, d.openSource, d.served, d.ask, d.askKey, d.chooseSet, d.versions, d.wholeArchive, d.space, d.readOnlyKey,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// configure reads the settings and, of an existing source, the pgbackrest.conf.
func (d *drill) configure(context.Context) (err error) {
	if d.settings, err = pending.Load(os.Environ()); err != nil {
		return err
	}
	d.provider = d.env.Sandbox(d.settings)
	if deadline, ok := d.ctx.Deadline(); ok && time.Until(deadline) < d.settings.RTO {
		d.note("warning: the test's deadline leaves %s, less than the RTO budget of %s: give go test a longer -timeout",
			time.Until(deadline).Round(time.Second), d.settings.RTO)
	}
	if d.checks, err = verify.LoadChecks(d.settings.Checks, d.settings.Database, d.settings.MinUsers); err != nil {
		return err
	}
	if d.settings.Image != "" && d.env.Local {
		d.note("-image %s is not used: this environment restores into a directory", d.settings.Image)
	}
	d.stanza = cmp.Or(d.settings.Stanza, d.env.Stanza)
	if d.settings.Conf == "" {
		d.settings.Conf = d.env.Conf
	}
	if d.settings.Conf == "" {
		return nil // a seeded source: its conf is there once it is
	}
	existing := source.Existing{Conf: d.settings.Conf, Stanza: d.settings.Stanza}
	d.source = existing
	origin, err := existing.Open(d.ctx, d.say)
	if err != nil {
		return err
	}
	return d.readConf(origin)
}

// reserve takes the stanza's lock, which proves that no other run of it lives; so
// whatever earlier runs left behind can be removed now.
func (d *drill) reserve(ctx context.Context) (err error) {
	suite.Label(d.step_, "stanza", d.stanza)
	if d.lock, err = sandbox.Acquire(d.stanza); err != nil {
		return err
	}
	for _, provider := range d.providers() {
		removed, reapErr := provider.Reap(ctx, d.stanza)
		for _, leftover := range removed {
			d.note("of an earlier run: %s", leftover)
		}
		if reapErr != nil {
			return reason.Wrap(reason.SandboxFailed, reapErr)
		}
	}
	return nil
}

// openSource makes the repository be there, and reads a seeded one's conf.
func (d *drill) openSource(ctx context.Context) (err error) {
	if d.source == nil {
		if err = d.seed(ctx); err != nil {
			return err
		}
	}
	d.repo.Stanza, d.repo.Key = d.stanza, d.settings.Repo
	return d.repo.Check()
}

// readConf reads the source's conf and settles the stanza.
func (d *drill) readConf(from source.Repository) (err error) {
	if d.repo.Conf, err = repository.Load(from); err != nil {
		return err
	}
	d.stanza, err = d.repo.Conf.Stanza(cmp.Or(d.settings.Stanza, from.Stanza))
	return err
}

// seed makes a source for this run alone.
func (d *drill) seed(ctx context.Context) (err error) {
	start := time.Now()
	d.source, err = d.env.Seed(ctx, d.settings, d.tag())
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	origin, err := d.source.Open(ctx, d.say)
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	d.say("source ready in %.1f s", time.Since(start).Seconds())
	return d.readConf(origin)
}

// ask finds pgBackRest on a scratch machine, and asks the repository what it holds.
func (d *drill) ask(ctx context.Context) (err error) {
	if d.control, err = d.env.Control(d.settings).Launch(ctx, d.spec(ctx)); err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	if late, ok := d.control.(sandbox.Waiter); ok {
		if err = late.Ready(ctx); err != nil {
			return reason.Wrap(reason.SandboxFailed, err)
		}
	}
	if err = d.repo.Reach(ctx, d.control); err != nil {
		return err
	}
	if err = d.repo.Equip(ctx, d.control, d.env.Here); err != nil {
		return err
	}
	d.client = d.repo.Client
	if d.version, err = d.client.Version(ctx); err != nil {
		return err
	}
	suite.Label(d.step_, "pgbackrest_version", d.version)
	d.info, err = d.repo.Info(ctx)
	return err
}

// versions compares what is installed here with what the backup was made by.
func (d *drill) versions(ctx context.Context) error {
	major := d.info.Version(d.set)
	suite.Label(d.step_, "pg_version", major)
	if pgbackrest.Older(d.version, d.set.Backrest.Version) {
		return reason.Errorf(reason.VersionMismatch, "backup %s was made by pgBackRest %s, and %s is installed here: an older one may not read it",
			d.set.Label, d.set.Backrest.Version, d.version)
	}
	if !d.env.Local {
		return nil
	}
	installation, err := postgres.Find(ctx, d.control, major)
	if err == nil {
		d.say("PostgreSQL %s, pgBackRest %s", installation.Version, d.version)
	}
	return err
}
