package drill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"time"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// handOver ends a restore, however it went: a cluster that is out of recovery is stopped cleanly, without a trace of
// the procedure in it or in its files, and it is said what to type next; of any other it is said what is there.
// Nothing is deleted but what the run itself has made outside of the data directory.
func (r *nodeRestore) handOver(ctx context.Context, out suite.Out) error {
	var err error
	switch {
	case r.claim == nil:
		out.Say("nothing was written to %s", r.To)
	case r.claim.Step == node.Recovered:
		err = r.leaveCluster(ctx, out)
	default:
		err = r.leaveRest(ctx, out)
	}
	return reason.Wrap(reason.SandboxFailed, errors.Join(err, out.Undone(ctx)))
}

// pass lets a cluster into production. A check that nobody asked for is a drill's to judge: here the data is back.
func (r *nodeRestore) pass(out suite.Out, unsaid error) {
	if unsaid != nil {
		harmless(out, unsaid)
	}
	r.sound = true
}

func harmless(out suite.Out, err error) {
	out.Note("it does not keep the cluster from being handed over: %s", pgbackrest.Printable(err.Error()))
}

// onlyMeasured makes a note of a finding for one reason, which says that something could not be measured and nothing
// of the data: hours of work are not given up for it. In a drill the finding stands.
func (r *nodeRestore) onlyMeasured(ctx context.Context, out suite.Out, err error, only reason.Reason) error {
	if why, _ := reason.Of(err); r == nil || err == nil || why != only || ctx.Err() != nil {
		return err
	}
	harmless(out, err)
	return nil
}

// leaveCluster hands over a cluster that is out of recovery.
func (r *nodeRestore) leaveCluster(ctx context.Context, out suite.Out) error {
	begun := time.Now()
	if err := r.stopWithoutTrace(ctx, out); err != nil {
		out.Note("the cluster in %s is out of recovery, and was not handed over: start it by hand and look at its log",
			r.place.Dir)
		return errors.Join(err, r.claim.Release())
	}
	out.Say("stopped cleanly, %.1f s", time.Since(begun).Seconds())
	from := r.originOf(r.server.Origin)
	asking, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	for _, note := range slices.Concat(r.server.InTheWay(node.Resolved), r.server.NextStart(asking),
		r.elsewhere(from)) {
		out.Note("before it is started: %s", note)
	}
	if !r.sound {
		out.Note("the cluster in %s did not pass. It is whole as far as recovery went, and is stopped: use it only by "+
			"decision. Nothing was deleted", r.place.Dir)
	}
	out.Note("next: %s", r.next(from))
	return r.claim.Drop()
}

// stopWithoutTrace takes away what the checks made in the cluster, stops it, puts its WAL right, and gives it its
// configuration back. What of it fails keeps the rest from nothing: the cluster may be started all the same.
func (r *nodeRestore) stopWithoutTrace(ctx context.Context, out suite.Out) error {
	running, err := r.server.Running(ctx)
	if err == nil && !running {
		var control postgres.Control
		if control, err = postgres.ReadControl(ctx, r.server.Host, r.server.Installation, r.server.Data); err == nil {
			err = r.server.Start(ctx, control)
		}
	}
	if err == nil {
		err = r.server.RemoveOurs(ctx)
	}
	if err != nil {
		err = fmt.Errorf("what the checks made in it (%s...) is still there, or a connection limit that was lifted "+
			"for them is not back (%s): %w", postgres.OursPrefix, node.ClaimFile(r.place.Dir), err)
	}
	stopped := r.server.StopCleanly(ctx)
	changed := r.recordsBack()
	if len(r.late) > 0 { // a server that is at work may write them once more
		changed = errors.Join(stopped, changed)
	}
	if changed != nil {
		out.Note("a record of WAL that was changed for the replay may have stayed so, and will be archived: restore "+
			"no backup of before to a moment from here on, and take a full one at once: %s",
			pgbackrest.Printable(changed.Error()))
	}
	return errors.Join(err, stopped, r.server.HandBack(ctx), node.Sync(r.place.Dir))
}

// leaveRest stops what is at work in a data directory that is not out of recovery.
func (r *nodeRestore) leaveRest(ctx context.Context, out suite.Out) error {
	var err error
	if r.server != nil { // the files are there
		if running, unknown := r.server.Running(ctx); running || unknown != nil {
			err = r.server.StopCleanly(ctx)
		}
		err = errors.Join(err, r.server.PutBack(ctx), r.server.UnsealTablespaces(ctx))
	}
	if entries, unread := os.ReadDir(r.place.Dir); unread == nil && len(entries) == 0 {
		out.Say("nothing was restored: %s is empty", r.place.Dir)
		return errors.Join(err, r.claim.Drop())
	}
	what := "backup set " + r.claim.Set + " is restored in part"
	if r.claim.Step == node.Recovering {
		what = "backup set " + r.claim.Set + " is restored, and its WAL is replayed in part"
	}
	out.Note("in %s %s: `veza-restore -resume` with the same settings goes on; to begin anew move it and %s away",
		r.place.Dir,
		what, node.ClaimFile(r.place.Dir))
	return errors.Join(err, r.claim.Release())
}

// elsewhere says which links did not come back, that the target was on a timeline which recovery has left, and what
// keeps the WAL of this cluster from where it belongs: another node of this machine, a timeline of the same number that
// is there, a cluster that archives meanwhile, or a conf about another data directory, with which nothing of this one
// is archived: it may be that of a cluster that lives.
func (r *nodeRestore) elsewhere(from origin) (list []string) {
	list = append(list, r.plain...)
	for _, other := range r.beside {
		list = append(list, other+": beside it this cluster would want the same port, and archive into the same stanza")
	}
	for _, note := range []string{r.left, r.taken, r.grows} {
		if note != "" {
			list = append(list, note)
		}
	}
	if advice := from.advice(r.place.Dir); advice != "" {
		list = append(list, advice)
	}
	return list
}

// next is what to type so that the cluster goes into production. It is whole: nobody can type half of a command. Where
// another one archives that is not seen here, it may be on any machine.
func (r *nodeRestore) next(from origin) string {
	bin, place := path.Dir(r.server.Installation.Program("pg_ctl")), from.place()
	if r.grows != "" && place != node.OriginLives {
		place = node.OriginRemote
	}
	return suite.Line(r.place.Formation.Next(r.place.Dir, bin, place))
}

// startOf is when a restore that is taken up began.
func startOf(before *node.Claim) time.Time {
	if before != nil {
		return before.Begun
	}
	return time.Now()
}
