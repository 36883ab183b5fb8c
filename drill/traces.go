package drill

import (
	"context"
	"fmt"
	"slices"
	"time"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wal"
)

// leftNothing lists the archive again, when all that the sandbox could have archived is
// there, and looks for what is the sandbox's own. Production may fail over during a drill
// and take the same number for its timeline: the switch point tells them apart.
func (r recovered) leftNothing(ctx context.Context, out suite.Out) error {
	if r.unlisted { // which is said
		return nil
	}
	fork := r.end.fork
	found, err := r.repo.Now().Traces(ctx, r.plan.directory(r.repo), r.listed, fork)
	if err != nil {
		return err
	}
	if err = ownTrace(found.Own, fork); err != nil {
		return err
	}
	if r.real != nil {
		r.real.grows = grownSince(found.Grown, r.end.log, r.answered)
	}
	if somebody := found.Somebody; somebody != nil {
		out.Note(
			"production began timeline %d meanwhile, from timeline %d at %s: not the sandbox's, which left timeline "+
				"%d at %s",
			fork.Timeline,
			somebody.Timeline,
			somebody.At,
			fork.From.Timeline,
			fork.From.At,
		)
	}
	out.Say("nothing of the sandbox's own %s is in the archive", fork)
	return nil
}

// grownSince says what has come into the archive since recovery had ended, by its log or else by the first answer: of a
// cluster that lives, wherever it is. What it has replayed is no word on that. "" is that nothing has.
func grownSince(grown []wal.Entry, log postgres.Log, answered time.Time) string {
	ended := log.RedoDone
	if ended.IsZero() {
		ended = answered
	}
	for _, entry := range slices.Backward(grown) {
		if entry.Time.After(ended) && !slices.Contains(log.Restored, entry.Name) {
			return fmt.Sprintf("%s came into the archive at %s, and recovery had ended at %s: a cluster lives, and "+
				"archives into this stanza; this one must not take its place until that one is stopped for good",
				entry.Name, stamp(entry.Time), stamp(ended))
		}
	}
	return ""
}

// ownTrace is the finding that an object in the archive is the sandbox's own; "" is none.
func ownTrace(own string, fork wal.Fork) error {
	if own == "" {
		return nil
	}
	return reason.Errorf(
		reason.IsolationBreached,
		"%s came into the archive during the drill, and it is of the sandbox's own %s "+
			"(unless production was promoted at just that position). A restore would follow it: find what pushed it, "+
			"then remove it with everything of that timeline (pgbackrest repo-rm) before the next backup",
		own,
		fork,
	)
}

// breach is an error when it says that the sandbox is not cut off.
func breach(err error) error {
	if why, _ := reason.Of(err); why == reason.IsolationBreached {
		return err
	}
	return nil
}
