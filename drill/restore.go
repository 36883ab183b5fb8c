package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/versions"
)

// restored is what lies in the sandbox's data directory, and what it took to get it there. Its
// plan is that of preflight, or another one when its set had expired meanwhile.
type restored struct {
	provisioned
	started   time.Time            // the clock of the RTO
	took      time.Duration        // until the files were there
	processes pgbackrest.Processes // that restore works with
	nproc     int                  // cores of the sandbox
	before    *before              // what was replayed up to where the data was compared; nil without that
}

// restore restores the pinned set. The clock of the RTO starts here.
func restore(ctx context.Context, out suite.Out, p provisioned) (restored, error) {
	r := restored{provisioned: p}
	if err := r.real.begin(ctx, out, p); err != nil {
		return r, err
	}
	err := r.chooseProcesses(ctx, out)
	if err != nil {
		return r, reason.Wrap(reason.SandboxFailed, err)
	}
	r.started = time.Now()
	err = r.run(ctx, out, r.plan.aim.target)
	if _, known := reason.Of(err); err != nil && !known {
		if info, expired := r.expired(ctx, out); expired {
			var again plan
			if again, err = r.planAgain(ctx, out, info); err == nil {
				r.plan, r.started = again, time.Now()
				err = r.run(ctx, out, r.plan.aim.target)
			}
		}
	}
	// Once, and after the last choice: two values of a measurement are none. An alert takes an old one for backups that
	// are missing: a set that a -target or latest-diff took, although there is a younger one, says nothing of that.
	if !r.plan.older {
		out.Metric("backup_age_seconds", r.plan.age.Seconds())
	}
	if err != nil {
		return r, overspent(ctx, r.Settings.RTO, r.started, r.named(r.failed(ctx, err)))
	}
	r.took = time.Since(r.started)
	r.real.hold(&r.server) // somebody could start it from here on
	size, err := r.size(ctx, out)
	if err != nil {
		return r, overspent(ctx, r.Settings.RTO, r.started, reason.Wrap(reason.SandboxFailed, err))
	}
	out.Metric("restored_bytes", float64(size))
	out.Say("%s in %.1f s, %s/s", megabytes(size), r.took.Seconds(), megabytes(int64(float64(size)/r.took.Seconds())))
	return r, nil
}

// size is how much was restored. It is a figure, and no reason to stop hours of work: du of a million files takes
// longer than a small command may, and then the backup says. That it fails in a drill, of a sandbox, tells of one that
// is gone.
func (r restored) size(ctx context.Context, out suite.Out) (int64, error) {
	size, err := r.bytesThere(ctx)
	if err == nil || ctx.Err() != nil || r.real == nil && !errors.Is(err, context.DeadlineExceeded) {
		return size, err
	}
	out.Note("how much was restored could not be measured (%s): it is taken from the backup",
		pgbackrest.Printable(err.Error()))
	return r.plan.set.Info.Size, nil
}

// run has pgBackRest restore the set of the plan, ready to be recovered to a target.
func (r restored) run(ctx context.Context, out suite.Out, to target.Target) error {
	tell := func(size int64) {
		total := max(size, r.plan.set.Info.Size) // du counts the directories as well
		out.Progress(suite.Progress{What: "restored", Done: size, Total: total, Unit: suite.Bytes})
	}
	tell(0)
	defer watch(ctx, func(ctx context.Context) {
		if size, err := r.bytesThere(ctx); err == nil { // files move under du; the next look will do
			tell(size)
		}
	})()
	ctx, stop := whileStoreAnswers(ctx, r.repo.Repository, r.box)
	defer stop()
	return r.repo.Pgbackrest.Restore(ctx, pgbackrest.RestoreOptions{
		Set: r.plan.set.Label, Target: targetOptions(to), Tablespaces: r.box.Dir("tblspc"),
		ProcessMax: r.processes.Option, Buffer: r.repo.Conf.Buffer(r.Stanza(), "restore"),
		Node: r.real != nil, Delta: r.real.delta(),
		BadPages: r.AcceptLoss && versions.RestoreRefusesPages.In(r.Version), Recovery: r.real.closes(),
	}, io.Discard)
}

// targetOptions are pgBackRest's words for a target. A moment is written in UTC: without
// an offset both pgBackRest and PostgreSQL would take their own time zone (facts A2). A name is written as it stands in
// a quoted setting: pgBackRest puts it between the quotation marks as it is given.
func targetOptions(to target.Target) []string {
	value := map[target.Kind]string{
		target.Time: to.Time.UTC().Format("2006-01-02 15:04:05.999999") + "+00",
		target.LSN:  to.LSN,
		target.Name: strings.NewReplacer(`'`, `''`, `\`, `\\`).Replace(to.Name),
	}[to.Kind]
	if to.Kind == target.End {
		return []string{"--type=default"}
	}
	return []string{"--type=" + string(to.Kind), "--target=" + value, "--target-action=promote"}
}

// expired says whether the set was removed by expire while it was being restored, and what the repository lists now.
// One that a label names is replaced by none: the plan that is made again says that it is gone.
func (r restored) expired(ctx context.Context, out suite.Out) (info pgbackrest.Stanza, expired bool) {
	if ctx.Err() != nil || r.real != nil {
		return info, false
	}
	info, listed := r.stillListed(ctx)
	if !listed {
		out.Note("backup set %s was expired while it was being restored: beginning again by what is listed now",
			r.plan.set.Label)
	}
	return info, !listed
}

// planAgain makes another plan from the same request, and empties the sandbox for it.
func (r restored) planAgain(ctx context.Context, out suite.Out, info pgbackrest.Stanza) (plan, error) {
	again, err := makePlan(ctx, out, r.Session, r.repo, info)
	if err != nil {
		return again, err
	}
	tellManifest(ctx, out, r.Session, again)
	tellMaps(ctx, out, r.Session, again)
	if err = r.empty(ctx); err != nil {
		return again, err
	}
	return again, r.fits(ctx, again.need())
}

// failed gives a failed restore its reason. From 2.55 on restore reads the history with the highest number in
// the archive, whether recovery would come to it or not: it says itself what is wrong, but not of which file.
func (r restored) failed(ctx context.Context, err error) error {
	if occupied := r.real.occupied(err); occupied != nil {
		return occupied
	}
	if why, _ := reason.Of(err); why != "" || pgbackrest.BadPages(err) ||
		!pgbackrest.Damaged(err) && !pgbackrest.OffTimeline(err) {
		return failedRestore(err)
	}
	name, unread := r.repo.Highest(ctx, r.plan.directory(r.repo), r.plan.archive)
	switch why, _ := reason.Of(unread); {
	case why == reason.WALCorrupt:
		return reason.Errorf(why, "%w: pgbackrest restore reads it, the history with the highest number in the "+
			"archive, and fails: %w", unread, err)
	case unread == nil && name != "" && pgbackrest.OffTimeline(err):
		return fmt.Errorf("%w; it is the newest by %s", failedRestore(err), name)
	}
	return failedRestore(err)
}

// failedRestore gives a failed restore its reason. The repository was reached and
// opened in preflight, so a file that cannot be read now is damaged.
func failedRestore(err error) error {
	if _, known := reason.Of(err); known {
		return err
	}
	failed, ok := errors.AsType[*pgbackrest.Error](err)
	if !ok { // pgBackRest said nothing: this machine could not run it
		return reason.Wrap(reason.SandboxFailed, err)
	}
	if failed.Killed() {
		return reason.Errorf(reason.SandboxFailed, "pgbackrest restore was killed from outside: %w", err)
	}
	if pgbackrest.OffTimeline(err) {
		return reason.Wrap(reason.TimelineConflict, err)
	}
	if pgbackrest.BadPages(err) {
		return reason.Errorf(reason.PageChecksum, "%w; the page was damaged when the backup was taken: restore an "+
			"older set, or all the same with checksum-page-error=n", err)
	}
	if pgbackrest.Damaged(err) {
		return reason.Wrap(reason.RepoCorrupt, err)
	}
	return reason.Wrap(reason.RestoreFailed, err)
}
