package backup

import (
	"cmp"
	"context"
	"errors"
	"os"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/suite"
)

// Bounds of things that take no time when all is well.
const toolTimeout = 30 * time.Second // one small command or question

// ours tells the machines and the lock of a check from those of a drill of the same
// stanza: the two may run side by side.
const ours = ".check"

// open makes everything there that the claims ask.
func (b *check) open(ctx context.Context) error {
	for _, part := range []func(context.Context) error{b.configure, b.reserve, b.openSource, b.reach, b.ask} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// configure reads the settings and, of an existing source, the pgbackrest.conf.
func (b *check) configure(context.Context) (err error) {
	if b.settings, err = pending.Load(os.Environ()); err != nil {
		return err
	}
	if b.stanza = cmp.Or(b.settings.Stanza, b.env.Stanza); b.alone {
		b.stanza, b.settings.Stanza, b.settings.Repo = b.env.Stanza, "", 1
	}
	conf := cmp.Or(b.settings.Conf, b.env.Conf)
	if conf == "" || b.alone {
		return nil // a seeded source: its conf is there once it is
	}
	if b.origin, err = (source.Existing{Conf: conf, Stanza: b.settings.Stanza}).Open(b.ctx, b.say); err != nil {
		return err
	}
	return b.readConf()
}

// readConf reads the source's conf and settles the stanza.
func (b *check) readConf() (err error) {
	if b.repo.Conf, err = repository.Load(b.origin); err != nil {
		return err
	}
	b.stanza, err = b.repo.Conf.Stanza(cmp.Or(b.settings.Stanza, b.origin.Stanza))
	return err
}

// reserve takes the lock, so that whatever earlier checks left behind can be removed.
func (b *check) reserve(ctx context.Context) (err error) {
	suite.Label(b.t, "stanza", b.stanza)
	if b.lock, err = sandbox.Acquire(b.stanza + ours); err != nil {
		return err
	}
	for _, provider := range b.env.Providers(b.settings) {
		removed, reapErr := provider.Reap(ctx, b.stanza+ours)
		for _, leftover := range removed {
			b.note("of an earlier run: %s", leftover)
		}
		if reapErr != nil {
			return reason.Wrap(reason.SandboxFailed, reapErr)
		}
	}
	return nil
}

// openSource makes the repository be there, and reads a seeded one's conf.
func (b *check) openSource(ctx context.Context) (err error) {
	if b.origin.Conf == "" {
		if err = b.seed(ctx); err != nil {
			return err
		}
	}
	b.repo.Stanza, b.repo.Key = b.stanza, b.settings.Repo
	return b.repo.Conf.CheckRepo(b.stanza, b.settings.Repo)
}

// seed makes a source for this run alone.
func (b *check) seed(ctx context.Context) (err error) {
	start := time.Now()
	if b.seeded, err = b.env.Seed(ctx, b.settings, b.spec()); err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	b.seeded.Stanza = b.stanza
	if b.origin, err = b.seeded.Open(ctx, b.say); err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	b.say("source ready in %.1f s", time.Since(start).Seconds())
	return b.readConf()
}

// spec says whose a machine is, and how long it is wanted.
func (b *check) spec() sandbox.Spec {
	return sandbox.Spec{Stanza: b.stanza + ours, Run: b.run, Until: suite.Over(b.ctx)}
}

// reach makes the scratch machine that asks the repository, with a way to it.
func (b *check) reach(ctx context.Context) (err error) {
	if !b.env.Local {
		if err = b.repo.Served(b.env.Name); err != nil {
			return err
		}
	}
	if b.control, err = b.machine(ctx, b.env.Control(b.settings), b.spec()); err != nil {
		return err
	}
	if err = b.repo.Reach(ctx, b.control); err != nil {
		return err
	}
	return b.repo.Equip(ctx, b.control, b.env.Here)
}

// machine launches one that reaches the repository. A half-made one is returned with the error.
func (b *check) machine(ctx context.Context, provider sandbox.Provider, spec sandbox.Spec) (sandbox.Sandbox, error) {
	made, err := provider.Launch(ctx, b.repo.Ways(ctx, spec))
	if late, ok := made.(sandbox.Waiter); ok && err == nil {
		err = late.Ready(ctx)
	}
	return made, reason.Wrap(reason.SandboxFailed, err)
}

// ask asks the repository for its backups, once. What it says is for the claims to judge.
func (b *check) ask(ctx context.Context) error {
	version, err := b.repo.Client.Version(ctx)
	if err != nil {
		return err
	}
	suite.Label(b.t, "pgbackrest_version", version)
	if b.info, b.infoErr = b.repo.Info(ctx); b.infoErr != nil {
		if why, _ := reason.Of(b.infoErr); why.Exit() != reason.ExitFailed {
			return b.infoErr // not the repository's fault: no claim can be judged
		}
		return nil
	}
	if b.backups = b.info.Backups(b.settings.Repo); len(b.backups) > 0 {
		suite.Label(b.t, "pg_version", b.info.Version(b.newest()))
	}
	return nil
}

// close leaves nothing behind.
func (b *check) close() {
	ctx, cancel := suite.Cleanup()
	defer cancel()
	var err error
	if b.control != nil { // it stands on the source's ground
		err = b.control.Destroy(ctx)
	}
	if b.seeded != nil {
		err = errors.Join(err, b.seeded.Close(ctx))
	}
	if b.lock != nil {
		err = errors.Join(err, b.lock.Release())
	}
	if err != nil {
		suite.Fail(b.t, err, reason.SandboxFailed)
	}
}
