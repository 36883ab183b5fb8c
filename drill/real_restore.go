package drill

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/suite"
)

// begin marks the data directory as being restored, after a last look at it: time has passed since preflight.
func (r *real) begin(ctx context.Context, out suite.Out, p provisioned) error {
	if r == nil {
		return nil
	}
	before, err := node.ReadClaim(r.place.Dir)
	if err != nil {
		return err
	}
	if r.claim, err = node.Take(r.place.Dir); err != nil {
		return err
	}
	if err = r.look(); err == nil {
		asked := node.Asked{Resume: r.Resume, SystemID: p.plan.info.SystemID(p.plan.set)}
		err = r.place.Refuse(asked, before, r.role(ctx, p.ready))
	}
	if err == nil {
		err = r.makeDirectory(ctx, p)
	}
	if r.again = r.Resume && len(r.place.Entries) > 0; err == nil && r.again {
		err = r.takeUp(ctx, p)
	}
	if err != nil {
		claim := r.claim
		r.claim = nil
		if before == nil { // it was made just now
			return errors.Join(err, claim.Drop())
		}
		return errors.Join(err, claim.Release())
	}
	r.claim.Stanza, r.claim.Set, r.claim.Begun = p.Stanza(), p.plan.set.Label, startOf(before)
	r.claim.SystemID = p.plan.info.SystemID(p.plan.set)
	out.Say("restoring into %s, marked by %s", r.place.Dir, node.ClaimFile(r.place.Dir))
	return reason.Wrap(reason.SandboxFailed, r.claim.Say(node.Restoring))
}

// manifest is the file by which pgBackRest knows a restore that it may take up (its restore.c).
const manifest = "backup.manifest"

// takeUp has pgBackRest take up also what was stopped before that file was there: by then it has made directories.
func (r *real) takeUp(ctx context.Context, p provisioned) error {
	for _, name := range []string{manifest, "PG_VERSION"} {
		if _, err := os.Lstat(filepath.Join(r.place.Dir, name)); err == nil {
			return nil
		}
	}
	nothing, err := node.NothingFinished(r.place.Dir)
	switch {
	case err != nil:
		return reason.Wrap(reason.SandboxFailed, err)
	case !nothing:
		return reason.Errorf(reason.ConfigInvalid, "-to %s: -resume: there are files in it, and neither PG_VERSION nor %s: "+
			"no restore left it like that, move it away", r.place.Dir, manifest)
	}
	return reason.Wrap(reason.SandboxFailed, p.box.Put(ctx, filepath.Join(r.place.Dir, manifest), nil, 0o600, ""))
}

// makeDirectory makes the data directory of the user who runs PostgreSQL; one that is there must be theirs.
func (r *real) makeDirectory(ctx context.Context, p provisioned) error {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	if !r.place.Exists {
		if err := node.Make(r.place.Dir); err != nil {
			return reason.Errorf(reason.ConfigInvalid, "-to: %w", err)
		}
	}
	_, err := p.box.Run(ctx, host.Command{Argv: []string{
		"sh", "-c", `[ -O "$0" ] && chmod u=rwx,go= "$0"`, r.place.Dir,
	}})
	if exit, failed := errors.AsType[*host.ExitError](err); failed && exit.Code == 1 {
		return reason.Errorf(reason.ConfigInvalid, "-to %s does not belong to the user who runs PostgreSQL: chown it",
			r.place.Dir)
	}
	return reason.Wrap(reason.SandboxFailed, err)
}

// recovering marks that the files are there, and WAL is replayed.
func (r *real) recovering() error {
	return reason.Wrap(reason.SandboxFailed, r.claim.Say(node.Recovering))
}

// recovered marks that recovery has ended.
func (r *real) recovered() error {
	if r == nil {
		return nil
	}
	return reason.Wrap(reason.SandboxFailed, r.claim.Say(node.Recovered))
}

// placed looks whether the replay ended where a tablespace was made after the backup, whose directory is not there.
// Then it is made, where it belongs, and the server may be started again.
func (r *recovered) placed(ctx context.Context, out suite.Out, failed error) bool {
	if ctx.Err() != nil || !blamesServer(failed) || len(r.made) == mostRedirected {
		return false
	}
	content, err := r.box.Read(ctx, r.cluster.server.LogFile)
	made, ok := postgres.FailedTablespace(string(content))
	if err != nil || !ok || slices.Contains(r.made, made) {
		return false
	}
	r.made = append(r.made, made)
	if err = node.MakeAs(made.Location, r.real.place.Dir); err != nil {
		out.Note("tablespace %d was made after the backup, and its directory %s could not be made: %s", made.OID,
			pgbackrest.Printable(made.Location), pgbackrest.Printable(err.Error()))
		return false
	}
	out.Note("tablespace %d was made after the backup: its directory %s is made, and the replay goes on", made.OID,
		pgbackrest.Printable(made.Location))
	// What the server said before counts no more.
	return r.box.Put(ctx, r.cluster.server.LogFile, nil, 0o600, "") == nil
}

// losses are the findings that say: what was written after this moment is gone for good.
var losses = []reason.Reason{reason.WALMissing, reason.WALCorrupt, reason.RecoveryIncomplete}

// acceptLoss makes a note of a finding that data is lost, where whoever restores has decided to go on without it.
func acceptLoss(out suite.Out, s session.Session, err error) error {
	why, _ := reason.Of(err)
	if err == nil || !s.AcceptLoss || !slices.Contains(losses, why) {
		return err
	}
	out.Note("loss accepted (-accept-loss), %s: %s", why, pgbackrest.Printable(err.Error()))
	return nil
}
