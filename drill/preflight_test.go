package drill

import (
	"cmp"
	"context"
	"maps"
	"os"
	"time"

	"veza.fr/recovery/internal/measure"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/verify"
)

// preflight finds out, before anything is restored, whether there is something to
// restore and whether it is whole. What waiting cannot mend fails here, in seconds.
func (d *drill) preflight(ctx context.Context) error {
	for _, part := range []func(context.Context) error{
		d.configure, d.reserve, d.openSource, d.served, d.reach, d.tools, d.chooseSet, d.versions, d.wholeArchive, d.space,
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
	d.provider = d.env.sandbox(d.settings)
	if deadline, ok := d.ctx.Deadline(); ok && time.Until(deadline) < d.settings.RTO {
		d.note("warning: the test's deadline leaves %s, less than the RTO budget of %s: give go test a longer -timeout",
			time.Until(deadline).Round(time.Second), d.settings.RTO)
	}
	if d.checks, err = verify.LoadChecks(d.settings.Checks, d.settings.Database, d.settings.MinUsers); err != nil {
		return err
	}
	if d.settings.Image != "" && d.env.local {
		d.note("-image %s is not used: this environment restores into a directory", d.settings.Image)
	}
	d.stanza = cmp.Or(d.settings.Stanza, d.env.stanza)
	if d.settings.Conf == "" {
		d.settings.Conf = d.env.conf
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
	measure.Label(d.step_, "stanza", d.stanza)
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
	d.control, err = d.env.control.Launch(ctx, sandbox.Spec{Stanza: d.stanza, Run: d.run})
	return reason.Wrap(reason.SandboxFailed, err)
}

// openSource makes the repository be there, and reads a seeded one's conf.
func (d *drill) openSource(ctx context.Context) (err error) {
	if d.source == nil {
		if err = d.seed(ctx); err != nil {
			return err
		}
	}
	if err = d.conf.parsed.CheckRepo(d.stanza, d.settings.Repo); err != nil {
		return err
	}
	repo := d.conf.parsed.Repo(d.stanza, d.settings.Repo)
	if err = repo.CheckNow(); err != nil {
		return err
	}
	return repo.CheckSecrets()
}

// seed makes a source for this run alone.
func (d *drill) seed(ctx context.Context) (err error) {
	start := time.Now()
	d.source, err = d.env.seed(ctx, d.settings, sandbox.Spec{Stanza: d.stanza, Run: d.run})
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

// reach tries the way to the object store: pgBackRest would retry a dead one for minutes.
func (d *drill) reach(ctx context.Context) error {
	repo := d.conf.parsed.Repo(d.stanza, d.settings.Repo)
	address, remote := repo.Address()
	if !remote {
		d.say("repository %d: %s, on this machine", d.settings.Repo, repo.Type())
		return nil
	}
	roots, err := d.conf.roots(repo)
	if err != nil {
		return err
	}
	start := time.Now()
	trouble, err := pgbackrest.Probe(ctx, d.control, address, roots)
	if err != nil {
		return err
	}
	d.say("repository %d: %s at %s answers in %d ms", d.settings.Repo, repo.Type(), address, time.Since(start).Milliseconds())
	if repo.VerifyTLS() {
		d.trouble = trouble
	}
	return nil
}

// tools finds pgBackRest, and asks the repository what it holds.
func (d *drill) tools(ctx context.Context) (err error) {
	if err = d.install(ctx, d.control, nil); err != nil {
		return err
	}
	d.client = d.clientOn(d.control)
	if d.version, err = d.client.Version(ctx); err != nil {
		return err
	}
	measure.Label(d.step_, "pgbackrest_version", d.version)
	d.info, err = d.askInfo(ctx)
	return err
}

// versions compares what is installed here with what the backup was made by.
func (d *drill) versions(ctx context.Context) error {
	major := d.info.Version(d.set)
	measure.Label(d.step_, "pg_version", major)
	if pgbackrest.Older(d.version, d.set.Backrest.Version) {
		return reason.Errorf(reason.VersionMismatch, "backup %s was made by pgBackRest %s, and %s is installed here: an older one may not read it",
			d.set.Label, d.set.Backrest.Version, d.version)
	}
	if !d.env.local {
		return nil
	}
	installation, err := postgres.Find(ctx, d.control, major)
	if err == nil {
		d.say("PostgreSQL %s, pgBackRest %s", installation.Version, d.version)
	}
	return err
}

// install puts the conf where the host's commands find it: a copy, byte for byte,
// with more files by path.
func (d *drill) install(ctx context.Context, on sandbox.Sandbox, more map[string][]byte) error {
	files := map[string][]byte{}
	maps.Copy(files, more)
	for name, content := range d.conf.files() {
		files[on.Dir("etc")+"/"+name] = content
	}
	for path, content := range files {
		if err := on.Put(ctx, path, content, 0o640, ""); err != nil {
			return reason.Wrap(reason.SandboxFailed, err)
		}
	}
	return nil
}

// clientOn is a pgBackRest whose paths are all the machine's own.
func (d *drill) clientOn(on sandbox.Sandbox) *pgbackrest.Client {
	client := &pgbackrest.Client{
		Host: on, Config: on.Dir("etc") + "/" + confName, Stanza: d.stanza, Repo: d.settings.Repo,
		Data: on.Dir("data"), Lock: on.Dir("lock"), Log: on.Dir("log"), Spool: on.Dir("spool"),
		Patience: d.conf.parsed.Patience(d.stanza),
	}
	if len(d.conf.include) > 0 {
		client.Include = on.Dir("etc") + "/" + includeName
	}
	return client
}
