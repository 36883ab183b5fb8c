package backup

import (
	"context"
	"time"

	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
)

// toolTimeout bounds things that take no time when all is well: one small command or question.
const toolTimeout = 30 * time.Second

// suffix tells the machines and the lock of a check from those of a drill of the same
// stanza: the two may run side by side.
const suffix = ".check"

// request is what a run is started with.
type request struct {
	environment environment.Environment
	pending     *settings.Pending
	environ     []string // where the settings' variables stand, as of os.Environ
}

// opened is what every claim is handed: the source of the backups, the repository, and what
// it listed when the run began. Nothing changes it: a claim that needs a newer listing asks
// for one with listAgain, and keeps that to itself.
type opened struct {
	session.Session
	listing
}

// open validates the settings and makes everything there that the claims ask.
func open(ctx context.Context, out suite.Out, from request) (opened, error) {
	out.Label("environment", from.environment.Name)
	given, err := from.pending.Load(from.environ)
	if err != nil {
		return opened{}, err
	}
	if !given.RepoTargetTime.IsZero() {
		return opened{}, reason.Errorf(reason.ConfigInvalid, "-repo-target-time: the backup checks are about the "+
			"backups as they are taken now; the drill reads the repository of then")
	}
	in := session.Request{Environment: from.environment, Settings: given, Suffix: suffix}
	if given.Policy.File != "" && in.Conf() == "" {
		return opened{}, reason.Errorf(reason.ConfigInvalid, "-policy %s: a cluster that is made for the run is made "+
			"by the mission's policy: name an existing repository with -conf, or leave -policy out", given.Policy.File)
	}
	return openSource(ctx, out, in)
}

// openSource opens the session and asks the repository, once, for its backups.
func openSource(ctx context.Context, out suite.Out, from session.Request) (in opened, err error) {
	if in.Session, err = session.Open(ctx, out, from); err != nil {
		return in, err
	}
	in.listing = ask(ctx, out, in.Client)
	if err = in.unjudgeable(); err != nil {
		return in, err
	}
	if len(in.backups) > 0 {
		major := in.info.Version(in.newest())
		out.Label("pg_version", major)
		if err = session.CheckReads(in.Control, in.Version, in.newest(), major); err != nil {
			return in, err
		}
	}
	return in, in.primaryIsOurs(ctx, out)
}

// primaryIsOurs refuses a -primary that is another cluster, before any claim believes it or writes
// there. One that does not answer is for the claims that ask it to say.
func (in opened) primaryIsOurs(ctx context.Context, out suite.Out) error {
	if in.Settings.Primary == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	conn, err := in.Primary(ctx)
	if err != nil || conn == nil {
		return nil
	}
	defer func() { _ = conn.Close(ctx) }() // nothing was written
	id, err := session.SystemID(ctx, conn)
	if err != nil {
		return nil
	}
	if id == "" {
		out.Note("warning: -primary does not let its role ask for its system identifier (pg_control_system): " +
			"that it is the cluster of the backups is not proved")
	}
	return in.KnowsCluster(id, in.info)
}

// listAgain is the same source with a newer listing, which holds at least one backup.
func (in opened) listAgain(ctx context.Context, out suite.Out) (opened, error) {
	in.listing = ask(ctx, out, in.Client)
	return in, in.needBackups()
}

// needBackups is nil when the backups are known: no claim about them can be judged otherwise.
func (in opened) needBackups() error { return in.need(in.Stanza(), in.Settings.Repo) }

// directory is where the archive of a backup lies in the repository.
func (in opened) directory(of pgbackrest.Backup) string { return in.Client.Directory(in.info, of) }
