package drill

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/standby"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/wait"
	"veza.fr/recovery/internal/wal"
)

// comparison is the comparison with a standby, of -compare standby. The standby is asked in the background while the
// backup is restored, and what it says is looked at when it is done; that is why steps hand on a pointer here. Of
// -compare sets nothing is asked in the background, and frozen is what the clone of the drilled set says.
type comparison struct {
	standby *standby.Standby
	ask     standby.Ask
	listed  map[string]time.Time // when parts that were never compared were listed first, by their keys
	unlike  map[string]time.Time // what differed before, and since when; nil is that nobody knows
	done    chan struct{}        // closed when frozen, pause, left and failed will change no more
	cancel  context.CancelFunc

	frozen standby.Frozen
	at     wal.LSN       // where the clone is asked: there, unless the archive ends before it
	commit *time.Time    // the last one that the clone had replayed there
	pause  time.Duration // the longest
	left   string        // why the rest was not asked for
	failed error         // the standby cannot be compared with

	sets   *bothSets       // of -compare sets, which has no standby
	result *compare.Result // nil until both sides are known
}

// Bounds of asking a standby.
const (
	catchUpTime = time.Minute // for it to replay what the backup needs
	rounds      = 2           // another snapshot is taken once, when replay took the first away
)

// beginComparison opens the standby, freezes its state, and has it asked in the background. nil is no comparison. What
// keeps the standby from being asked says nothing about the backups: it is kept for teardown, and the drill goes on.
func beginComparison(ctx context.Context, out suite.Out, r ready) (*comparison, error) {
	switch r.Settings.Compare {
	case settings.CompareStandby:
	case settings.CompareSets:
		return beginSets(ctx, out, r)
	default:
		return nil, nil
	}
	config, err := standbyConfig(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &comparison{done: make(chan struct{}), cancel: cancel}
	out.Undo(c.end)
	c.recall(out, r)
	if c.standby, err = standby.Open(ctx, config); err == nil {
		err = sameCluster(c.standby.Identity, r.plan)
	}
	if err == nil {
		err = c.freezeFirst(ctx, out, r)
	}
	if why, _ := reason.Of(err); err != nil && why != reason.StandbyUnusable {
		close(c.done)
		return c, err
	}
	if err != nil || c.left != "" {
		c.giveUp(out, err)
		close(c.done)
		return c, nil
	}
	c.ask.Seeds, c.ask.Behind = compare.NewSeeds(), r.Settings.CompareLag
	c.ask.Rate = r.Settings.CompareRate
	go c.digest(ctx, checkBudget(ctx, r.Settings.CompareBudget/2))
	return c, nil
}

// standbyConfig is the way to the standby. What of the request makes no sense with it is config_invalid.
func standbyConfig(r ready) (*pgx.ConnConfig, error) {
	invalid := func(format string, args ...any) error {
		return reason.Errorf(reason.ConfigInvalid, "-compare standby: "+format, args...)
	}
	switch {
	case r.plan.aim.target.Kind != target.End:
		return nil, invalid("compares at a position of its own, and goes on to the end of the archive: " +
			"leave -target out")
	case r.Past():
		return nil, invalid("a standby of now says nothing of the repository as it was: leave -repo-target-time out")
	case r.plan.set.Offline():
		return nil, invalid("backup set %s was taken offline, and its archive is followed only once it is restored: "+
			"choose another one with -set", r.plan.set.Label)
	case r.Settings.Standby != "":
		return standby.Config(r.Settings.Standby)
	case r.Seeded != nil:
		config, err := r.Seeded.Standby()
		return config, reason.Wrap(reason.SandboxFailed, err)
	}
	return nil, invalid("name the standby with -standby")
}

// sameCluster refuses the standby of another cluster than the one that is restored.
func sameCluster(s standby.Identity, p plan) error {
	switch want := p.info.SystemID(p.set); {
	case s.SystemID != want:
		return reason.Errorf(reason.ConfigInvalid,
			"-standby names a cluster with system identifier %s, and set %s is of %s: name a standby of this stanza",
			s.SystemID, p.set.Label, want)
	case s.Major != p.major():
		return reason.Errorf(reason.ConfigInvalid, "-standby names a PostgreSQL %s, and set %s is of PostgreSQL %s",
			s.Major, p.set.Label, p.major())
	}
	return nil
}

// freezeFirst freezes the standby once it has replayed what the backup needs to be consistent.
func (c *comparison) freezeFirst(ctx context.Context, out suite.Out, r ready) error {
	start, err := repository.Start(r.plan.set, r.plan.segmentSize)
	if err != nil {
		return err
	}
	bound, cancel := context.WithTimeoutCause(ctx, catchUpTime,
		fmt.Errorf("it did not replay what backup set %s ends with within %s", r.plan.set.Label, catchUpTime))
	defer cancel()
	var at wal.LSN
	if err = wait.For(bound, "the standby", lookEvery, func(ctx context.Context) (failed error) {
		if _, at, failed = c.standby.Lag(ctx); failed != nil {
			return wait.Stop(failed)
		}
		if at < start.At {
			return fmt.Errorf("it is at %s, the backup ends at %s", at, start.At)
		}
		return nil
	}); err != nil {
		return reason.Wrap(reason.StandbyUnusable, fmt.Errorf("-standby: %w", err))
	}
	lag, err := c.standby.Behind(ctx, r.Settings.CompareLag)
	if err != nil {
		return err
	}
	if lag > 0 {
		c.left = fmt.Sprintf("the standby is %s behind, -compare-lag is %s", lag.Round(time.Second),
			r.Settings.CompareLag)
		return nil
	}
	if c.left = r.plan.notReplayed(at, r.Settings.CompareLag, time.Now()); c.left != "" {
		return nil
	}
	if c.frozen, err = c.standby.Freeze(ctx); err != nil {
		return err
	}
	c.pause = c.frozen.Pause
	if known := c.frozen.Timeline; known != 0 && !onLine(r.plan.chain, known, c.frozen.At) {
		return offLine(known, r.plan.chain)
	} else if known == 0 {
		out.Note("the standby does not say which timeline it follows: it does not stream, or the role lacks " +
			"pg_read_all_stats. One that left production's line would look like damage")
	}
	age := ""
	if c.frozen.Commit != nil {
		ago := max(time.Since(*c.frozen.Commit), 0)
		age = fmt.Sprintf(" (last transaction %s ago)", ago.Round(time.Second))
	}
	out.Note("comparing with the standby at %s as it was at %s%s: its replay stood still for %s",
		pgbackrest.Printable(c.standby.Where), c.frozen.At, age, c.pause.Round(time.Millisecond))
	return archived(ctx, r.Session)
}

// notReplayed says by what a standby is behind the archive, where that is for longer than it may be. One that receives
// nothing, or is fed from the archive alone, does not know what there is: by itself it is never behind.
func (p plan) notReplayed(at wal.LSN, most time.Duration, now time.Time) string {
	if most <= 0 {
		return ""
	}
	last := at.Last(p.segmentSize) // that it has replayed some of
	for _, entry := range p.chain.Entries {
		if age := now.Sub(entry.Time); entry.Number > last && age > most {
			return fmt.Sprintf("the standby is at %s, and has not replayed %s, which was archived %s ago; "+
				"-compare-lag is %s: does it receive WAL?", at, entry.Name, age.Round(time.Second), most)
		}
	}
	return ""
}

// onLine says whether what a server of a timeline has replayed, up to a position, is what the archive has up to there.
func onLine(chain wal.Chain, timeline uint32, at wal.LSN) bool {
	for _, s := range chain.Switches {
		if timeline == s.Timeline {
			return at <= s.At
		}
	}
	return timeline == chain.Target
}

func offLine(timeline uint32, chain wal.Chain) error {
	return reason.Errorf(reason.StandbyUnusable, "-standby: it follows timeline %d, and the archive %s: it is not on "+
		"production's line", timeline, chain.Route())
}

// archived has the position archived where the cluster is ours; production does so by itself.
func archived(ctx context.Context, s session.Session) error {
	if s.Seeded == nil {
		return nil
	}
	conn, err := s.Seeded.Connect(ctx)
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	defer func() { _ = conn.Close(ctx) }() // nothing is in flight
	// Where nothing was written since the last switch, another one does nothing.
	if _, err = conn.Exec(ctx, "SELECT pg_create_restore_point('compared')"); err == nil {
		err = source.Archive(ctx, conn)
	}
	return reason.Wrap(reason.SandboxFailed, err)
}

// digest asks the standby, in the background. When replay takes the snapshot away, another one is taken once.
func (c *comparison) digest(ctx context.Context, budget time.Duration) {
	defer close(c.done)
	bound, cancel := context.WithTimeoutCause(ctx, budget, compare.ErrBudget)
	defer cancel()
	for round := 1; ; round++ {
		c.left, c.failed = c.standby.Digest(bound, &c.frozen, c.ask)
		if c.failed == nil || round == rounds || !standby.Conflict(c.failed) || wait.Over(bound) {
			return
		}
		var again error
		if c.frozen, again = c.standby.Freeze(ctx); again != nil {
			c.failed = errors.Join(c.failed, again)
			return
		}
		c.pause = max(c.pause, c.frozen.Pause)
	}
}

// giveUp says that there is no comparison, or less of one, and why.
func (c *comparison) giveUp(out suite.Out, err error) {
	if err != nil {
		c.failed = err
		out.Note("not compared with %s: %s", c.with(), oneLine(err))
		return
	}
	out.Note("not compared with %s: %s", c.with(), pgbackrest.Printable(c.left))
}

// oneLine is an error for a sentence: what a server or its data said is in it.
func oneLine(err error) string {
	return pgbackrest.Printable(strings.Join(strings.Fields(err.Error()), " "))
}

// end ends the sessions on the standby. A comparison that was asked for and not made is its error, once: the verdict on
// the backups stands without it.
func (c *comparison) end(ctx context.Context, _ suite.Out) error {
	over := closed(c.done)
	c.cancel()
	select {
	case <-c.done:
	case <-ctx.Done():
		return nil
	}
	if c.standby != nil {
		c.standby.Close(ctx)
		c.standby = nil
	}
	failed := c.failed
	if c.failed = nil; !over { // it was cut off here: the run ended before it was of use
		return nil
	}
	return reason.Wrap(c.unusable(), failed)
}
