package drill

import (
	"context"
	"time"

	"veza.fr/recovery/internal/wal"
)

// clocksApart is how far the store's clock may be from this machine's.
const clocksApart = 5 * time.Second

// expected is the archive that recovery had to bring back: the one remembered in
// preflight, unless production failed over while the drill ran. What the old primary had
// archived behind the switch is then on no timeline any more, and recovery rightly
// leaves it out; it must have read what the archive held of the new timeline when it began.
func (d *drill) expected(ctx context.Context, ended uint32) (wal.Chain, error) {
	if ended <= d.chain.Target {
		return d.chain, nil
	}
	remembered := d.chain
	if err := d.follow(ctx); err != nil {
		return wal.Chain{}, err
	}
	d.note("production failed over during the drill: %s was remembered, recovery followed %s", remembered.Route(), d.chain.Route())
	return d.chain.Before(d.log.RedoStart.Add(-clocksApart), d.size), nil
}
