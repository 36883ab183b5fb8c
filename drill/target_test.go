package drill

import (
	"context"
	"math/rand/v2"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/verify"
)

// aimed is what became of -target random or timeline.
type aimed struct {
	parts  []target.Part
	choice target.Choice
	later  target.Target // timeline: the point behind the failover, recovered to second
}

// aim puts a point in the place of -target random or timeline, and returns the set it is
// reached from.
func (d *drill) aim(ctx context.Context, good []pgbackrest.Backup) (pgbackrest.Backup, error) {
	sets, err := d.wholeSets(ctx, good)
	if err != nil {
		return pgbackrest.Backup{}, err
	}
	if d.settings.Target.Kind == target.Timeline {
		return d.aimAround(good, sets)
	}
	seed := d.settings.Seed
	if seed == 0 {
		seed = rand.Int64N(1_000_000) + 1 //nolint:gosec // a choice, no secret
	}
	var last map[string]time.Time
	if d.settings.State == "" {
		d.note("without -state nothing is remembered: every part of the recovery window weighs the same")
	} else if last, err = target.Recall(d.settings.State, d.stanza); err != nil {
		d.note("%v", err)
	}
	d.aimed.parts = target.Parts(sets, d.size)
	var ok bool
	if d.aimed.choice, ok = target.Pick(d.aimed.parts, last, seed, time.Now()); !ok {
		return pgbackrest.Backup{}, reason.Errorf(reason.ConfigInvalid, "-target random: the recovery window holds no point yet: archive a segment more, or leave it out")
	}
	d.note("target random: %s", d.aimed.choice)
	d.settings.Target = target.Target{Kind: target.LSN, LSN: d.aimed.choice.At.String()}
	return labelled(good, d.aimed.choice.Part.Set), nil
}

// aimAround takes a point before and one behind the last failover.
func (d *drill) aimAround(good []pgbackrest.Backup, sets []target.Set) (pgbackrest.Backup, error) {
	set, before, behind, err := target.Around(sets, d.size)
	if err != nil {
		return pgbackrest.Backup{}, reason.Errorf(reason.ConfigInvalid, "-target timeline: %w; leave it out until there is one", err)
	}
	d.settings.Target = target.Target{Kind: target.LSN, LSN: before.String()}
	d.aimed.later = target.Target{Kind: target.LSN, LSN: behind.String()}
	d.note("target timeline: %s, recovered to %s before the failover, then to %s behind it", set.Chain.Route(), d.settings.Target, d.aimed.later)
	return labelled(good, set.Label), nil
}

// wholeSets are the sets, oldest first, that the archive is whole behind. For old ones the
// retention of the archive may have left no more than they need themselves; that the
// newest has all is proved in any case.
func (d *drill) wholeSets(ctx context.Context, good []pgbackrest.Backup) (sets []target.Set, err error) {
	d.set = good[len(good)-1]
	if d.settings.Set != settings.SetLatest {
		if d.set, err = d.fixedSet(good); err != nil {
			return nil, err
		}
		good = []pgbackrest.Backup{d.set}
	}
	d.size = pgbackrest.SegmentSize(pgbackrest.OfSame(d.backups, d.set))
	if err = d.follow(ctx); err != nil {
		return nil, err
	}
	for _, b := range pgbackrest.OfSame(good, d.set) {
		start, err := repository.Start(b, d.size)
		if err != nil || start.At == 0 {
			continue
		}
		chain, err := d.archive.Follow(start, d.archive.History)
		if err != nil {
			d.note("set %s is left out of the recovery window: %v", b.Label, err)
			continue
		}
		sets = append(sets, target.Set{Label: b.Label, Stop: start.At, Chain: chain})
	}
	return sets, nil
}

func labelled(list []pgbackrest.Backup, label string) pgbackrest.Backup {
	b, _ := pgbackrest.Find(list, label) // it came from there
	return b
}

// beforeFailover recovers to the point before the failover, and empties the sandbox for the
// one behind it, which is what is measured.
func (d *drill) beforeFailover(ctx context.Context) error {
	d.rehearsal = true
	err := d.recoverOnce(ctx)
	d.rehearsal = false
	if err != nil {
		return err
	}
	if err = d.onTheOldTimeline(); err != nil {
		return err
	}
	if err = d.twoSided(d.heartbeat(ctx)); err != nil {
		return err
	}
	if err = d.leftNothing(ctx); err != nil { // the second recovery begins another timeline
		return err
	}
	d.closeSession(ctx)
	if err = d.server.Stop(ctx); err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	d.server.LogFile = d.box.Dir("log") + "/postgresql-behind.log"
	d.settings.Target, d.aimed.later = d.aimed.later, target.Target{}
	if err = d.empty(ctx); err != nil {
		return err
	}
	d.restoreStart, d.answered = time.Now(), time.Time{}
	if err = d.restoreOnce(ctx); err != nil {
		return d.restoreError(err)
	}
	d.restoreTime = time.Since(d.restoreStart)
	return nil
}

// onTheOldTimeline proves that the recovery before the failover took nothing of the new one.
func (d *drill) onTheOldTimeline() error {
	last := d.chain.Switches[len(d.chain.Switches)-1]
	if d.replayed >= last.At {
		return reason.Errorf(reason.RecoveryIncomplete, "-target %s lies before the failover at %s, and recovery went on to %s behind it", d.settings.Target, last.At, d.replayed)
	}
	d.note("before the failover: recovered to %s on timeline %d, which ended at %s", d.replayed, last.Timeline, last.At)
	return nil
}

// twoSided proves that nothing from behind the target came back.
func (d *drill) twoSided(beats *verify.Heartbeat, unread error) error {
	if d.settings.Target.Kind == target.End {
		return nil
	}
	sides := verify.Sides{Target: d.settings.Target, Log: d.log, Commit: d.commit, Beats: beats}
	if unread != nil { // the log and the commit still tell; the checks will say what is wrong with the database
		d.note("-target %s: the heartbeat was not looked at: %s", d.settings.Target, pgbackrest.Printable(unread.Error()))
	}
	text, err := sides.Holds()
	if err == nil {
		d.note("%s", text)
	}
	return err
}

// empty removes what was restored.
func (d *drill) empty(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	for _, name := range []string{"data", "tblspc"} {
		if _, err := d.box.Run(ctx, host.Command{Argv: []string{"find", d.box.Dir(name), "-mindepth", "1", "-delete"}}); err != nil {
			return reason.Wrap(reason.SandboxFailed, err)
		}
	}
	return nil
}

// remember writes down that this part of the window was drilled.
func (d *drill) remember() error {
	if d.settings.State == "" || len(d.aimed.parts) == 0 {
		return nil
	}
	return reason.Wrap(reason.ConfigInvalid, target.Remember(d.settings.State, d.stanza, d.aimed.parts, d.aimed.choice.Part, time.Now()))
}
