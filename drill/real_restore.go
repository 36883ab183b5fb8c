package drill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/suite"
)

// begin marks the data directory as being restored, after a last look at it: time has passed since preflight.
func (r *nodeRestore) begin(ctx context.Context, out suite.Out, p provisioned) error {
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
	asked := r.wants(p.ready)
	if err = r.look(); err == nil {
		err = r.place.Refuse(asked, before, r.role(ctx, p.ready))
	}
	r.again = r.Resume && len(r.place.Entries) > 0
	if err == nil {
		err = r.holdPlaces(ctx, p, r.rest(before))
	}
	if err == nil && r.again {
		err = r.takeUp(ctx, out, p, before)
	}
	if err != nil {
		claim := r.claim
		r.claim = nil
		if before == nil { // it was made just now
			return errors.Join(err, claim.Drop())
		}
		return errors.Join(err, claim.Release())
	}
	r.claim.Stanza, r.claim.Begun = p.Stanza(), startOf(before)
	r.claim.Set, r.claim.SystemID, r.claim.Maps = asked.Set, asked.SystemID, asked.Maps
	r.claim.Late = r.lateOf(before)
	if r.again {
		r.claim.GoesOn(before)
	}
	out.Say("restoring into %s, marked by %s", r.place.Dir, node.ClaimFile(r.place.Dir))
	return reason.Wrap(reason.SandboxFailed, r.claim.Say(node.Restoring))
}

// holdPlaces makes and locks all that is written to. What another run did up to the lock is seen after it.
func (r *nodeRestore) holdPlaces(ctx context.Context, p provisioned, rest *node.Claim) error {
	err := r.refuseApart(ctx, p.box, rest)
	if err == nil {
		err = r.makeDirectory(ctx, p)
	}
	if err == nil {
		err = r.holdApart(ctx, p.box)
	}
	if err == nil {
		err = r.apart.Refuse(rest)
	}
	if err == nil {
		err = r.refuseStrays(rest)
	}
	return err
}

// lateOf are the tablespaces whose content a restore that is taken up has replayed. Of one that does not go on it is
// another restore's, and of one whose recovery had ended more than the replay may have written there.
func (r *nodeRestore) lateOf(before *node.Claim) []node.Late {
	if !r.again || before.Step == node.Recovered {
		return nil
	}
	return before.Late
}

// manifest is the file by which pgBackRest knows a restore that it may take up (its restore.c).
const manifest = "backup.manifest"

// takeUp has pgBackRest take up also what was stopped before that file was there: by then it has made directories.
func (r *nodeRestore) takeUp(ctx context.Context, out suite.Out, p provisioned, before *node.Claim) error {
	if err := r.dropPidFile(ctx, out, p, before); err != nil {
		return err
	}
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
		return reason.Errorf(reason.ConfigInvalid, "-to %s: -resume: there are files in it, and neither PG_VERSION "+
			"nor %s: no restore left it like that, move it away", r.place.Dir, manifest)
	}
	return reason.Wrap(reason.SandboxFailed, p.box.Put(ctx, filepath.Join(r.place.Dir, manifest), nil, 0o600, ""))
}

// dropPidFile takes the pid file away that a server of this restore has left with the machine, or because it was
// killed: none works there by now, and pgBackRest restores nothing where the file is. One that may be at work out of
// sight, in another container or on another machine, has it for its protection: pgBackRest ends there.
func (r *nodeRestore) dropPidFile(ctx context.Context, out suite.Out, p provisioned, before *node.Claim) error {
	file := filepath.Join(r.place.Dir, node.PidFile)
	if _, err := os.Lstat(file); err != nil || !before.Ended() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	if _, err := p.box.Run(ctx, host.Command{Argv: []string{"rm", "-f", "--", file}}); err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	out.Say("%s is gone: the interrupted restore's own server had left it, and none works there", file)
	return nil
}

// makeDirectory makes the data directory of the user who runs PostgreSQL; one that is there must be theirs.
func (r *nodeRestore) makeDirectory(ctx context.Context, p provisioned) error {
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
func (r *nodeRestore) recovering() error {
	r.claim.Starts()
	return reason.Wrap(reason.SandboxFailed, r.claim.Say(node.Recovering))
}

// recovered marks that recovery has ended where the archive does, or where the archive is damaged. What something here
// kept from its end is not marked: the cluster would lack what the archive has, and is to be taken up again.
func (r *nodeRestore) recovered() error {
	if r == nil {
		return nil
	}
	return reason.Wrap(reason.SandboxFailed, r.claim.Say(node.Recovered))
}

// lifting writes down the connection limits that are about to be lifted: whoever takes up a cluster that was used since
// must know them.
func (r *nodeRestore) lifting(limits []postgres.ConnectionLimit) error {
	if len(limits) == 0 {
		return nil
	}
	r.claim.Limits = limits
	return reason.Wrap(reason.SandboxFailed, r.claim.Say(r.claim.Step))
}

// placed looks whether the replay ended at what can be mended, so that the server may be started again.
func (r *recovered) placed(ctx context.Context, out suite.Out, failed error) bool {
	if ctx.Err() != nil || !blamesServer(failed) {
		return false
	}
	content, err := r.box.Read(ctx, r.cluster.server.LogFile)
	if err != nil {
		return false
	}
	if log, unread := r.cluster.server.ReadLog(ctx); unread == nil && log.LacksPrepared() {
		return r.roomForPrepared(ctx, out)
	}
	if segment := postgres.CutSegment(string(content)); segment != "" && r.AcceptLoss {
		return r.endBefore(ctx, out, segment)
	}
	made, ok := postgres.FailedTablespace(string(content))
	return ok && r.place(ctx, out, made)
}

// roomForPrepared has the server started again with room for the prepared transactions that it meets.
func (r *recovered) roomForPrepared(ctx context.Context, out suite.Out) bool {
	server := r.cluster.server
	control, err := postgres.ReadControl(ctx, r.box, server.Installation, server.Data)
	if err != nil {
		return false
	}
	more := server.MorePrepared(control)
	if more == 0 {
		return false
	}
	out.Note("the WAL has more prepared transactions than could be when the backup was taken: the replay begins again "+
		"with max_prepared_transactions = %d", more)
	return true
}

// endBefore has recovery end before a segment that is cut, where whoever restores has decided to go on without the
// rest: PostgreSQL itself would never come up.
func (r *recovered) endBefore(ctx context.Context, out suite.Out, segment string) bool {
	if slices.Contains(r.skipped, segment) {
		return false
	}
	r.skipped = append(r.skipped, segment)
	lost := reason.Errorf(reason.WALCorrupt, "WAL segment %s has not the right size: recovery ends before it", segment)
	if acceptLoss(out, r.Session, lost) != nil || r.cluster.server.RestoreUpTo(ctx, segment) != nil {
		return false
	}
	// What the server said before counts no more.
	return r.box.Put(ctx, r.cluster.server.LogFile, nil, 0o600, "") == nil
}

// place makes the directory of a tablespace that was made after the backup, where it belongs, and has the replay link
// it there: pg_tblspc is sealed, so that nothing is written to a directory before it was looked at. However many there
// are, without them nothing comes back; one that fails a second time ends it.
func (r *recovered) place(ctx context.Context, out suite.Out, made postgres.Tablespace) bool {
	if slices.Contains(r.made, made) {
		return false
	}
	r.made = append(r.made, made)
	where := pgbackrest.Printable(made.Location)
	err := r.makeTablespace(ctx, made.Location)
	if err == nil {
		err = r.redirect(ctx, made, made.Location)
	}
	if err != nil {
		why, known := reason.Of(err)
		if !known {
			why = reason.ConfigInvalid
		}
		r.stuck = reason.Errorf(why, "tablespace %d was made after the backup, and its directory %s "+
			"cannot be used: %w", made.OID, where, err)
		return false
	}
	r.real.late, r.real.size = r.made, r.plan.segmentSize
	out.Note("tablespace %d was made after the backup: its directory %s is there, and the replay goes on", made.OID,
		where)
	return true
}

// makeTablespace makes the directory of a tablespace as the user who runs PostgreSQL: its name comes from the data, and
// root would make it anywhere. It may lie where those of the set may, and is locked as they are. One that is there must
// be empty, and theirs, or hold what this restore replayed there before it was interrupted: the replay writes every
// page of it anew.
func (r *recovered) makeTablespace(ctx context.Context, dir string) error {
	if err := r.real.apart.RefuseLate(dir); err != nil {
		return err
	}
	bound, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	_, failed := r.box.Run(bound, host.Command{Argv: []string{"mkdir", "-m", "0700", "--", dir}})
	if _, err := os.Lstat(dir); err != nil {
		return fmt.Errorf("%w: make it (install -d -m 700 -o %s), and go on with -resume", failed, host.ServiceUser)
	}
	claim, until := r.real.claim, r.until()
	if err := claim.HoldLate(dir); err != nil {
		return err
	}
	if err := node.MakeAs(dir, r.real.place.Dir, claim.Replayed(dir, until)); err != nil {
		return err
	}
	claim.Replays(dir, until)
	return claim.Say(claim.Step)
}

// until is where the replay ends, as a claim has it: after a failover the same words are another end. With -accept-loss
// it may end before an earlier one did, and so it is never the same.
func (r *recovered) until() string {
	if r.AcceptLoss {
		return fmt.Sprintf("loss accepted %s", time.Now().Format(time.RFC3339Nano))
	}
	return fmt.Sprintf("%s of timeline %d of repository %d %s", cmp.Or(r.cluster.target.String(), "end"),
		r.plan.chain.Target, r.Settings.Repo, stamp(r.Settings.RepoTargetTime))
}

// maps are the lines of the conf that say where tablespaces and links belong.
func maps(r ready) (list []string) {
	for _, option := range []string{"tablespace-map", "tablespace-map-all", "link-map", "link-all"} {
		for _, line := range r.Client.Conf.Sets(option) {
			list = append(list, option+"="+line.Value)
		}
	}
	return list
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
