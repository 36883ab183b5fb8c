package drill

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wait"
)

// leastMemory is what a second server beside the first must find: four times the least it takes for pages.
const leastMemory = 512 << 20

// errNoTime ends the work on the other set when the run has to come to its end.
var errNoTime = errors.New("the time of the run was over before the other set was restored, replayed and asked: give " +
	"go test a longer -timeout")

// compareOther has the other set of -compare sets say what it holds at the position, and compares. It comes when all
// else is proved, so that no figure of the drill is the worse for it. An error is what is wrong with the backups, or a
// run that was stopped; whatever else kept the sets from being compared is kept for teardown.
func (r recovered) compareOther(ctx context.Context, out suite.Out) error {
	c := r.compared
	if c == nil || c.sets == nil || !c.goesOn() {
		return nil
	}
	bound, cancel := context.WithTimeoutCause(ctx, checkBudget(ctx, math.MaxInt64), errNoTime)
	defer cancel()
	err := r.otherSide(bound, out)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	why, known := reason.Of(err)
	switch {
	case err == nil:
		return nil
	case wait.Over(bound):
		why, err = reason.Timeout, errNoTime
	case r.goneMeanwhile(ctx):
		why, err = reason.ConfigInvalid, errors.New("it was expired meanwhile")
	case known && why.Exit() == reason.ExitFailed:
		return reason.Errorf(why, "set %s, which is compared with, is not whole: %w", c.sets.other.set.Label, err)
	case !known:
		why = reason.SandboxFailed
	}
	c.giveUp(out, reason.Errorf(why, "-compare sets: set %s: %s", c.sets.other.set.Label, oneLine(err)))
	return nil
}

// goneMeanwhile says whether the other set was expired since preflight.
func (r recovered) goneMeanwhile(ctx context.Context) bool {
	info, err := r.repo.Pgbackrest.Info(ctx)
	if err != nil {
		return false
	}
	_, listed := pgbackrest.Find(info.Backups(r.Settings.Repo), r.compared.sets.other.set.Label)
	return !listed
}

// otherSide restores the other set, replays it to the position, asks it, and compares.
func (r recovered) otherSide(ctx context.Context, out suite.Out) error {
	c := r.compared
	p, where, err := r.otherPlace(ctx, out)
	if err != nil {
		return err
	}
	second := restored{provisioned: p, started: time.Now(), processes: r.processes, nproc: r.nproc}
	if err = second.run(ctx, out, p.plan.aim.target); err != nil {
		return second.failed(ctx, err)
	}
	out.Say("%s %s in %.1f s", c.with(), where, time.Since(second.started).Seconds())
	held := recovered{restored: second, cluster: second.cluster(p.plan.aim.target, "postgresql-compare.log")}
	held.cluster.server.Hold = &postgres.Hold{At: c.at, Least: c.sets.needs}
	replayed := time.Now()
	conn, err := held.startHeld(ctx, out)
	if err != nil {
		return held.whyNotHeld(ctx, out, err)
	}
	compare.CloseNow(ctx, conn)
	asked := time.Now()
	side, err := held.askSet(ctx, out, c.frozen.Side.AlsoIn)
	if err != nil {
		return err
	}
	out.Say("%s recovered to %s in %.1f s, and compared in %.1f s", c.with(), c.at, asked.Sub(replayed).Seconds(),
		time.Since(asked).Seconds())
	return c.found(ctx, c.pair(r.plan.set.Label).Compare(c.frozen.Side, side), held.cluster.server)
}

// pair names the two sets.
func (c *comparison) pair(drilled string) compare.Pair {
	return compare.Pair{One: "set " + drilled, Other: c.with(), Clones: true}
}

// whyNotHeld is why a clone did not come to the position: of WAL that cannot be read, its log tells.
func (r *recovered) whyNotHeld(ctx context.Context, out suite.Out, err error) error {
	if _, known := reason.Of(err); known || ctx.Err() != nil {
		return err
	}
	log, unread := r.cluster.server.ReadLog(ctx)
	if unread != nil {
		return errors.Join(err, unread)
	}
	out.Say("the end of the server log:\n%s", log.Tail())
	if len(log.Archive) > 0 {
		return log.Cause()
	}
	if log.Disk != "" {
		return log.DiskError()
	}
	if damage := log.DamageRead(r.plan.segmentSize); len(damage) > 0 {
		return reason.Errorf(reason.WALCorrupt, "the archive between the two sets cannot be replayed: %s",
			damage[len(damage)-1])
	}
	if last := len(log.Fatal) - 1; last >= 0 { // such as WAL of wal_level=minimal, which nothing is replayed through
		return fmt.Errorf("PostgreSQL ended: %s (%w)", log.Fatal[last], err)
	}
	return err
}

// otherPlace is a sandbox for the other set, and where that is: a second one beside the first where disk, memory and
// the limits of the place allow that, else the first one, whose cluster nobody needs any more.
func (r recovered) otherPlace(ctx context.Context, out suite.Out) (p provisioned, where string, err error) {
	second := r.ready
	second.plan = r.compared.sets.other
	full, err := r.noRoomBeside(ctx, out, second.plan.need())
	if err != nil {
		return p, "", err
	}
	if full == nil {
		var machine launched
		if machine, err = launch(ctx, out, second); err == nil {
			p, err = provision(ctx, out, machine)
		}
		if !crowded(err) {
			return p, "restored beside the first sandbox", err
		}
		if full = err; machine.box != nil && !r.Settings.Keep { // teardown looks whether it is gone
			_ = machine.box.Destroy(ctx)
		}
	}
	if r.Settings.Keep {
		why, _ := reason.Of(full)
		return p, "", reason.Errorf(why, "%w, and -keep keeps the first sandbox: leave it out", full)
	}
	out.Note("the two sets are restored one after the other: %s", oneLine(full))
	p = r.provisioned
	p.ready, p.server = second, p.template(p.server.Installation)
	return p, "restored after the first one", r.makeRoom(ctx)
}

// crowded says whether a second sandbox failed by what the first one takes.
func crowded(err error) bool {
	why, _ := reason.Of(err)
	return why == reason.DiskSpace || errors.Is(err, sandbox.ErrLimit)
}

// noRoomBeside is why a second sandbox would not do; nil where it may.
func (r recovered) noRoomBeside(ctx context.Context, out suite.Out, need int64) (full, err error) {
	if memory := postgres.Memory(ctx, r.box); memory < leastMemory {
		return reason.Errorf(reason.DiskSpace, "a second server needs %s of memory, and %s are free",
			megabytes(leastMemory), megabytes(memory)), nil
	}
	if r.Environment.Local {
		full = checkSpace(ctx, r.box, need)
	} else {
		_, full = askRoom(ctx, out, r.Session, need)
	}
	if why, _ := reason.Of(full); full != nil && why != reason.DiskSpace {
		return nil, full
	}
	return full, nil
}

// makeRoom ends the first clone.
func (r recovered) makeRoom(ctx context.Context) error {
	compare.CloseNow(ctx, r.conn)
	running, err := r.cluster.server.Running(ctx)
	if err == nil && running {
		err = r.cluster.server.Stop(ctx)
	}
	if err == nil {
		err = r.empty(ctx)
	}
	return reason.Wrap(reason.SandboxFailed, err)
}
