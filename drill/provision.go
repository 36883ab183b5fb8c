package drill

import (
	"context"
	"errors"
	"fmt"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/suite"
)

// provisioned is a sandbox with everything a restore needs.
type provisioned struct {
	launched
	repo   repository.Client // asks from the sandbox
	server postgres.Server   // as it will be started: a template
}

// provision puts the host's own pgbackrest.conf into the sandbox, byte for byte, with
// the files it names; finds the programs the restore needs there; and proves that
// the sandbox has a way to the repository and no other.
func provision(ctx context.Context, out suite.Out, l launched) (p provisioned, err error) {
	p.launched = l
	if p.repo, err = l.equip(ctx); err != nil {
		return p, err
	}
	installation, err := p.programs(ctx, out)
	if err != nil {
		return p, err
	}
	p.server = p.template(installation)
	l.way.server = &p.server
	if err = session.Ready(ctx, l.box); err != nil {
		return p, err
	}
	if guarded, ok := l.box.(sandbox.Isolated); ok {
		how, leak := guarded.Isolated(ctx)
		if leak != nil {
			return p, reason.Wrap(reason.SandboxFailed, leak)
		}
		out.Say("the sandbox is cut off: %s", how)
	}
	if err = p.sameAnswer(ctx); err != nil {
		return p, err
	}
	return p, l.checkSpace(ctx)
}

// template is the server of a cluster that lies, or will lie, in the sandbox.
func (p provisioned) template(installation postgres.Installation) postgres.Server {
	return postgres.Server{
		Host: p.box, Installation: installation, Kept: p.real != nil,
		Archived: !p.plan.set.Offline(),
		Origin:   p.repo.Conf.Option(p.Stanza(), "restore", "pg1-path"),
		Data:     p.box.Dir("data"), Conf: p.box.Dir("etc"), Socket: p.box.Dir("run"),
		LogFile: p.box.Dir("log") + "/postgresql.log", Port: 5432, MostMemory: p.Settings.NodeMemory,
		Own: []string{p.box.Dir("spool"), p.box.Dir("lock")},
	}
}

// equip puts the conf into the sandbox; a node has its own.
func (l launched) equip(ctx context.Context) (repository.Client, error) {
	if l.real != nil {
		return l.Client.OnNode(l.box), nil
	}
	return l.Client.Equip(ctx, l.box, l.Environment.Local, nil)
}

// checkSpace looks whether the restore fits; of a node it is known since preflight.
func (l launched) checkSpace(ctx context.Context) error {
	if l.real != nil {
		return nil
	}
	return l.fits(ctx, l.plan.need())
}

// programs finds PostgreSQL and pgBackRest in the sandbox; with -install, what is
// missing is fetched.
func (p provisioned) programs(ctx context.Context, out suite.Out) (postgres.Installation, error) {
	found, err := p.findPrograms(ctx, out)
	installer, able := p.box.(sandbox.Installer)
	if why, _ := reason.Of(err); !able || why != reason.ToolMissing && why != reason.VersionMismatch {
		return found, err
	}
	if !p.Settings.Install {
		return found, fmt.Errorf("%w, or -install fetches it", err)
	}
	major := p.plan.major()
	out.Note("fetching postgresql-%s and pgbackrest: %v", major, err)
	if err = installer.Install(ctx, []string{"postgresql-" + major, "pgbackrest"}); err != nil {
		return found, reason.Wrap(reason.SandboxFailed, err)
	}
	return p.findPrograms(ctx, out)
}

func (p provisioned) findPrograms(ctx context.Context, out suite.Out) (found postgres.Installation, err error) {
	version, err := p.repo.Pgbackrest.Version(ctx)
	if errors.Is(err, host.ErrNotFound) {
		return found, reason.Wrap(reason.ToolMissing, err)
	}
	if err != nil {
		return found, err
	}
	if err = p.repo.CheckVersion(version, "is in the sandbox"); err != nil {
		return found, err
	}
	if found, err = session.FindServer(ctx, p.box, version, p.plan.set, p.plan.major()); err != nil {
		return found, err
	}
	if version != p.Version {
		out.Note("pgBackRest is %s here and %s in the sandbox", p.Version, version)
	}
	out.Say("PostgreSQL %s and pgBackRest %s", found.Version, version)
	return found, nil
}

// sameAnswer proves that the sandbox sees the repository as this machine did: what it
// alone cannot read is the sandbox's fault, not the backup's.
func (p provisioned) sameAnswer(ctx context.Context) error {
	if p.Environment.Local {
		return nil
	}
	info, err := p.repo.Pgbackrest.Info(ctx)
	if err == nil {
		if status := info.RepoStatus(p.Settings.Repo); status.Code != 0 {
			err = reason.Errorf(reason.SandboxFailed, "%s", pgbackrest.Printable(status.Message))
		}
	}
	if why, _ := reason.Of(err); err != nil && why != reason.RepoUnreachable {
		return reason.Errorf(reason.SandboxFailed, "this machine reads repository %d, the sandbox does not: %s",
			p.Settings.Repo, pgbackrest.Printable(err.Error()))
	}
	return err
}
