package drill

import (
	"context"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wal"
)

// expectedChain is the archive that recovery had to bring back: the one remembered in
// preflight, unless production failed over while the drill ran. What the old primary had
// archived after the switch is then on no timeline any more, and recovery rightly
// leaves it out; it must have read what the archive held of the new timeline when it began.
func (r *recovered) expectedChain(ctx context.Context, out suite.Out) (wal.Chain, error) {
	if r.end.fork.From.Timeline <= r.plan.chain.Target {
		return r.plan.chain, nil
	}
	now, err := r.plan.follow(ctx, out, r.Session, r.repo)
	if err != nil {
		return wal.Chain{}, err
	}
	out.Note("production failed over during the drill: %s was remembered, recovery followed %s", r.plan.chain.Route(),
		now.chain.Route())
	r.plan = now
	if err = r.judgeLate(ctx, out); err != nil {
		return wal.Chain{}, err
	}
	return now.chain.Before(r.end.log.RedoStart.Add(-clocksApart), now.segmentSize), nil
}
