package drill

import (
	"cmp"
	"context"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
)

// storeSilence is how long the object store may be gone in the middle of a restore or
// a replay. pgBackRest goes on for many minutes, file by file; a store that only
// restarts is back before that.
const storeSilence = 30 * time.Second

// whileStoreAnswers is a context that ends, as repo_unreachable, when the object store has not
// answered for storeSilence; as sandbox_failed, when that is because the sandbox itself answers no more. Call stop when
// the store is not needed any more.
func whileStoreAnswers(
	ctx context.Context, repo repository.Repository, from host.Host,
) (_ context.Context, stop func()) {
	address, remote := repo.Address()
	if !remote {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	last := time.Now()
	stopWatch := watch(ctx, func(ctx context.Context) {
		bound, done := context.WithTimeout(ctx, toolTimeout)
		defer done()
		_, err := pgbackrest.Probe(bound, from, address, nil) // what takes a connection may be a proxy
		gone := time.Since(last)
		switch {
		case err == nil:
			last = time.Now()
		case gone <= storeSilence:
		default:
			cancel(cmp.Or(takesCommands(ctx, from), reason.Errorf(reason.RepoUnreachable,
				"the object store at %s has not answered for %s: %w", address, gone.Round(time.Second), err)))
		}
	})
	return ctx, func() { stopWatch(); cancel(nil) }
}

// takesCommands is the sandbox_failed of one that does not: it is paused, gone, or what it runs on refuses. A program
// in it asks the store, so that a store looks silent then.
func takesCommands(ctx context.Context, box host.Host) error {
	ctx, done := context.WithTimeoutCause(ctx, toolTimeout,
		reason.Errorf(reason.SandboxFailed, "not within %s", toolTimeout))
	defer done()
	if _, err := box.Run(ctx, host.Command{Argv: []string{"true"}}); err != nil {
		return reason.Errorf(reason.SandboxFailed, "%s takes no commands any more, so the object store cannot be "+
			"asked either: %w", box.Name(), err)
	}
	return nil
}
