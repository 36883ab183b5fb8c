package drill

import (
	"context"
	"time"

	"veza.fr/recovery/internal/reason"
)

// listTime bounds the second listing of the archive.
const listTime = 2 * time.Minute

// leftNothing lists the archive again, when all that the sandbox could have archived is
// there, and looks for what is the sandbox's own. Production may fail over during a drill
// and take the same number for its timeline: the switch point tells them apart.
func (d *drill) leftNothing(ctx context.Context) error {
	bound, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	own, somebody, err := d.repo.Traces(bound, d.repo.Directory(d.info, d.set), d.listed, d.fork)
	switch {
	case err != nil:
		return err
	case own != "":
		return reason.Errorf(reason.IsolationBreached, "%s came into the archive during the drill, and it is of the sandbox's own %s (unless production was promoted at just that position). "+
			"A restore would follow it: find what pushed it, then remove it with everything of that timeline (pgbackrest repo-rm) before the next backup", own, d.fork)
	case somebody != nil:
		d.note("production began timeline %d meanwhile, from timeline %d at %s: not the sandbox's, which left timeline %d at %s",
			d.fork.Timeline, somebody.Timeline, somebody.At, d.fork.From.Timeline, d.fork.From.At)
	}
	d.say("nothing of the sandbox's own %s is in the archive", d.fork)
	return nil
}

// breach is an error when it says that the sandbox is not cut off: that goes before whatever
// is wrong with the data, because it spoils production.
func breach(err error) error {
	if why, _ := reason.Of(err); why == reason.IsolationBreached {
		return err
	}
	return nil
}
