package drill

import (
	"context"
	"math/rand/v2"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
)

// aim is where recovery stops, after -target random, timeline or worst has become a position.
type aim struct {
	target target.Target
	second target.Target // of -target timeline: the point after the failover, recovered to second
	parts  []target.Part // of -target random: the recovery window
	choice target.Choice // in it
}

// chooseAim puts a position in the place of -target random, timeline or worst, and returns the set it
// is reached from.
func chooseAim(
	ctx context.Context, out suite.Out, s session.Session, client repository.Client,
	want wanted, p plan, good []pgbackrest.Backup,
) (pgbackrest.Backup, aim, error) {
	p.set = good[len(good)-1]
	if want.set != settings.SetLatest {
		var err error
		if p.set, err = want.choose(p.backups, good); err != nil {
			return p.set, aim{}, err
		}
		good = []pgbackrest.Backup{p.set}
	}
	p, err := p.sized(ctx, client)
	if err != nil {
		return p.set, aim{}, err
	}
	if p, err = p.follow(ctx, out, s, client); err != nil {
		return p.set, aim{}, err
	}
	sets := p.wholeSets(out, good, readOwn(ctx, client))
	var label string
	var chosen aim
	switch want.target.Kind {
	case target.Timeline:
		label, chosen, err = aroundFailover(out, sets, p.segmentSize)
	case target.Worst:
		label, chosen, err = atWorst(out, sets, p.segmentSize)
	default:
		label, chosen, err = atRandom(out, s, sets, p.segmentSize)
	}
	set, _ := pgbackrest.Find(good, label) // it came from there
	return set, chosen, err
}

// atRandom picks a point of the recovery window by the seed, those drilled longest ago first.
func atRandom(
	out suite.Out, s session.Session, sets []target.Set, segmentSize uint64,
) (label string, a aim, err error) {
	seed := s.Settings.Seed
	if seed == 0 {
		seed = rand.Int64N(1_000_000) + 1 //nolint:gosec // a choice, no secret
	}
	var last map[string]time.Time
	if s.Settings.State == "" {
		out.Note("without -state nothing is remembered: every part of the recovery window weighs the same")
	} else if last, err = target.Recall(s.Settings.State, s.Stanza()); err != nil {
		out.Note("%v", err)
	}
	a.parts = target.Parts(sets, segmentSize)
	var ok bool
	if a.choice, ok = target.Pick(a.parts, last, seed, time.Now()); !ok {
		return "", a, reason.Errorf(reason.ConfigInvalid,
			"-target random: the recovery window holds no point yet: archive a segment more, or leave it out")
	}
	out.Note("target random: %s", a.choice)
	a.target = target.Target{Kind: target.LSN, LSN: a.choice.At.String()}
	return a.choice.Part.Set, a, nil
}

// atWorst takes the point with the most WAL to replay: what rto_worst_seconds reckons is measured there.
func atWorst(out suite.Out, sets []target.Set, segmentSize uint64) (label string, a aim, err error) {
	part, replayed, ok := target.MostReplay(sets, segmentSize)
	if !ok {
		return "", a, reason.Errorf(reason.ConfigInvalid,
			"-target worst: the recovery window holds no point yet: archive a segment more, or leave it out")
	}
	a.target = target.Target{Kind: target.LSN, LSN: part.To.String()}
	out.Note("target worst: %s of set %s on timeline %d, with %s of WAL to replay", a.target, part.Set, part.Timeline,
		megabytes(int64(replayed)))
	return part.Set, a, nil
}

// aroundFailover takes a point before and one after the last failover.
func aroundFailover(out suite.Out, sets []target.Set, segmentSize uint64) (label string, a aim, err error) {
	set, before, after, err := target.Around(sets, segmentSize)
	if err != nil {
		return "", a, reason.Errorf(reason.ConfigInvalid, "-target timeline: %w; leave it out until there is one", err)
	}
	a.target = target.Target{Kind: target.LSN, LSN: before.String()}
	a.second = target.Target{Kind: target.LSN, LSN: after.String()}
	out.Note("target timeline: %s, recovered to %s before the failover, then to %s after it", set.Chain.Route(),
		a.target, a.second)
	return set.Label, a, nil
}

// wholeSets are the sets, oldest first, that the archive is whole after. For old ones the
// retention of the archive may have left no more than they need themselves; that the
// newest has all is proved in any case.
func (p plan) wholeSets(out suite.Out, good []pgbackrest.Backup, own owns) (sets []target.Set) {
	for _, b := range pgbackrest.SameCluster(good, p.set) {
		of, start, err := p.from(b, own)
		switch {
		case start.At == 0: // info does not say where it begins
		case err != nil:
			out.Note("set %s is left out of the recovery window: %v", b.Label, err)
		default:
			sets = append(sets, target.Set{Label: b.Label, Stop: start.At, Chain: of.chain})
		}
	}
	return sets
}

// remember writes down that this part of the window was drilled: of the repository of now, and of the present cluster,
// whose parts it would replace. left says that the set is of one before.
func (a aim) remember(s session.Session, left bool) error {
	if s.Settings.State == "" || len(a.parts) == 0 || s.Past() || left {
		return nil
	}
	return reason.Wrap(reason.ConfigInvalid,
		target.Remember(s.Settings.State, s.Stanza(), a.parts, a.choice.Part, time.Now()))
}
