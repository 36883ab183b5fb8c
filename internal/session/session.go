// Package session opens, once for both suites, what a run stands on: the lock of the stanza,
// the source of the backups with its pgbackrest.conf, the repository, and the control machine
// that asks it. It refuses what must be refused before anything is restored.
package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"os"
	"strings"
	"time"

	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/suite"
)

// Request is what a suite asks for. Nothing changes it.
type Request struct {
	Environment environment.Environment
	Settings    settings.Settings
	// Suffix tells the lock and the machines of one suite from those of the other: a drill and
	// the backup checks of one stanza may run side by side. It is "" for the drill.
	Suffix string
	// AcceptLoss goes on where the archive is broken, up to there: somebody who restores for real has decided so.
	AcceptLoss bool
	// View is an open session whose repository is looked at through another conf; nil outside of one.
	View *View
}

// View is a repository seen through another conf than its own. The session it is of holds the lock of the stanza,
// and its source: nothing is locked, reaped or seeded for the view.
type View struct {
	Of   Session
	From source.Repository
}

// Session is an open source with everything that reads it. It is a value, and whatever it
// opened is on the run's stack of what must be undone.
type Session struct {
	Request
	Run     string            // unique name of the run
	Source  source.Repository // where the conf comes from
	Seeded  *source.Seeded    // nil for an existing source
	Control sandbox.Sandbox   // the machine that asks the repository before there is a sandbox
	Client  repository.Client // asks from Control
	Version string            // of pgBackRest on Control
	until   time.Time
}

// Stanza is the one that is drilled or checked.
func (s Session) Stanza() string { return s.Client.Stanza }

// Open opens a session; its machines and locks are undone with the run. Reasons are those of
// Check, CheckServed and Reach of package repository, locked, and sandbox_failed.
func Open(ctx context.Context, out suite.Out, request Request) (s Session, err error) {
	s = Session{Request: request, Run: strings.ToLower(rand.Text()[:10]), until: suite.Over(ctx)}
	if request.View != nil {
		err = s.look(ctx, out)
		return s, err
	}
	stanza, repo := request.Environment.Stanza, repository.Repository{Key: request.Settings.Repo}
	if conf := request.Conf(); conf != "" {
		existing := source.Existing{Conf: conf, Stanza: request.Settings.Stanza}
		if s.Source, err = existing.Open(ctx, out.Say); err != nil {
			return s, err
		}
		if repo, err = request.load(s.Source); err != nil {
			return s, err
		}
		if err = repo.CheckVariables(out, os.Environ()); err != nil {
			return s, err
		}
		repo.SayName(out)
		stanza = repo.Stanza
	}
	if s.Source.Conf == "" {
		if err = request.refuseToSeed(); err != nil {
			return s, err
		}
	}
	tag := s.tag(stanza)
	if err = s.reserve(ctx, out, stanza, tag.Stanza); err != nil {
		return s, err
	}
	if s.Source.Conf == "" {
		if s.Seeded, s.Source, err = request.seed(ctx, out, stanza, tag); err != nil {
			return s, err
		}
		if repo, err = request.load(s.Source); err != nil {
			return s, err
		}
	}
	if err = repo.Check(); err != nil {
		return s, err
	}
	err = s.ask(ctx, out, repo, tag) // it fills s: not in the return, whose order is nobody's
	return s, err
}

// refuseToSeed refuses what says something of a production where no repository is named: the verdict on a cluster that
// is made for the run would bear production's name.
func (r Request) refuseToSeed() error {
	for _, given := range []struct {
		yes  bool
		name string
	}{
		{r.Settings.Stanza != "", "-stanza " + r.Settings.Stanza},
		{r.Settings.Primary != "", "-primary"},
		{r.Past(), "-repo-target-time"},
	} {
		if given.yes {
			return reason.Errorf(reason.ConfigInvalid, "%s: no repository is named, and the cluster that is made for "+
				"the run has nothing of it: name the conf of the repository with -conf (DRILL_CONF)", given.name)
		}
	}
	return nil
}

// look opens a view.
func (s *Session) look(ctx context.Context, out suite.Out) error {
	s.Source, s.Seeded = s.View.From, s.View.Of.Seeded
	repo, err := s.load(s.Source)
	if err == nil {
		err = repo.Check()
	}
	if err != nil {
		return err
	}
	return s.ask(ctx, out, repo, s.tag(repo.Stanza))
}

// AsOf is the moment of the repository that is looked at: now, or that of -repo-target-time.
func (r Request) AsOf() time.Time {
	if r.Past() {
		return r.Settings.RepoTargetTime
	}
	return time.Now()
}

// Past says whether the repository is read as it was once.
func (r Request) Past() bool { return !r.Settings.RepoTargetTime.IsZero() }

// Conf is the path of the pgbackrest.conf of an existing source, "" where one is seeded. Where
// the environment asks for pgBackRest's default, it may be at the old place.
func (r Request) Conf() string {
	if r.Settings.Conf == "" && r.Environment.Conf == pgbackrest.DefaultConfig {
		return repository.DefaultPlace("")
	}
	return cmp.Or(r.Settings.Conf, r.Environment.Conf)
}

// load reads a source's conf and settles the stanza.
func (r Request) load(from source.Repository) (repo repository.Repository, err error) {
	repo.Key, repo.At = r.Settings.Repo, r.Settings.RepoTargetTime
	if repo.Conf, err = repository.Load(from); err == nil {
		repo.Stanza, err = repo.Conf.Stanza(cmp.Or(r.Settings.Stanza, from.Stanza))
	}
	return repo, err
}

// reserve takes the stanza's lock, which proves that no other run of it lives; so whatever
// earlier runs left behind can be removed now.
func (s Session) reserve(ctx context.Context, out suite.Out, stanza, tag string) error {
	out.Label("stanza", stanza)
	lock, err := sandbox.Acquire(tag)
	if err != nil {
		return err
	}
	out.Undo(func(context.Context, suite.Out) error { return lock.Release() })
	for _, provider := range s.Environment.Providers(s.Settings) {
		removed, failed := provider.Reap(ctx, tag)
		for _, leftover := range removed {
			out.Note("of an earlier run: %s", leftover)
		}
		if failed != nil {
			return reason.Wrap(reason.SandboxFailed, failed)
		}
	}
	return nil
}

// seed makes a source for this run alone.
func (r Request) seed(
	ctx context.Context, out suite.Out, stanza string, tag sandbox.Spec,
) (*source.Seeded, source.Repository, error) {
	start := time.Now()
	seeded, err := r.Environment.Seed(ctx, r.Settings, tag)
	if seeded != nil {
		out.Undo(func(ctx context.Context, _ suite.Out) error { return seeded.Close(ctx) })
	}
	if err != nil {
		return nil, source.Repository{}, reason.Wrap(reason.SandboxFailed, err)
	}
	seeded.Stanza = stanza
	seeded.Told = func(what string, done, total int64) {
		out.Progress(suite.Progress{What: what, Done: done, Total: total, Unit: suite.Bytes})
	}
	opened, err := seeded.Open(ctx, out.Say)
	if err == nil && r.Settings.Compare == settings.CompareStandby && r.Settings.Standby == "" {
		out.Say("making a standby of it")
		err = seeded.Follow(ctx)
	}
	if err != nil {
		return nil, source.Repository{}, reason.Wrap(reason.SandboxFailed, err)
	}
	out.Say("source ready in %.1f s", time.Since(start).Seconds())
	return seeded, opened, nil
}
