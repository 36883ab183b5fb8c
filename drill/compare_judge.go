package drill

import (
	"context"
	"fmt"
	"time"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// keptOut is an error where no database of the clone lets the role in, and nothing is known to be damaged. That it is
// no login there is a difference where the standby lets it in before and after its state was frozen.
func (c *comparison) keptOut(clone compare.Side, result *compare.Result, letsIn func() bool) error {
	switch {
	case len(clone.Databases) > 0, len(result.Differences) > 0:
		return nil
	case clone.NoLogin() && letsIn():
		result.RoleDiffers(c.standby.User)
		return nil
	}
	why := "it has none that takes connections"
	for _, database := range c.frozen.Side.Databases {
		if refused, tried := clone.Refused[database]; tried {
			why = database + ": " + refused.Why
			break
		}
	}
	return reason.Errorf(reason.StandbyUnusable, "-compare standby: no database of the clone lets role %s in: %s",
		c.standby.User, pgbackrest.Printable(why))
}

// against compares what the standby said with what the clone says.
func (c *comparison) against(clone compare.Side) compare.Result {
	if c.at != c.frozen.At {
		c.frozen.Side.LeaveOutMoved(clone, fmt.Sprintf("the sequence went on between %s, where the archive ends, "+
			"and %s, where the standby was asked", c.at, c.frozen.At))
	}
	return compare.Compare(c.frozen.Side, clone)
}

// comparable is an error where both sides may rightly differ: where the clone was asked before the position of the
// standby, and transactions ended between them, or where the standby is not known to be on the line of the archive. It
// is read again, since production may have failed over meanwhile, and the clone follows its newest timeline.
func (r restored) comparable(ctx context.Context, out suite.Out) error {
	c := r.compared
	if c.at != c.frozen.At && !sameMoment(c.frozen.Commit, c.commit) {
		return reason.Errorf(reason.StandbyUnusable, "-standby: %w: the standby was asked at %s, the archive ends at "+
			"%s, and transactions ended between them", errNotArchived, c.frozen.At, c.at)
	}
	now, err := r.plan.follow(ctx, out, r.Session, r.repo)
	switch known := c.frozen.Timeline; {
	case err != nil:
		return reason.Wrap(reason.StandbyUnusable, fmt.Errorf("-standby: whether it is on production's line cannot "+
			"be told: %w", err))
	case known == 0 && c.frozen.ForSure != now.chain.Target:
		return reason.Errorf(reason.StandbyUnusable, "-standby: it receives nothing, and does not say which timeline "+
			"it is on; the archive is on %s", now.chain.Route())
	case known != 0 && !onLine(now.chain, known, c.frozen.At):
		return offLine(known, now.chain)
	}
	return nil
}

// sameMoment says of the last transactions that two servers replayed that they are one.
func sameMoment(a, b *time.Time) bool { return a != nil && b != nil && a.Equal(*b) }
