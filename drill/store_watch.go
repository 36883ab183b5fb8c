package drill

import (
	"context"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
)

// storeSilence is how long the object store may be gone in the middle of a restore or
// a replay. pgBackRest goes on for many minutes, file by file; a store that only
// restarts is back before that.
const storeSilence = 30 * time.Second

// whileStoreAnswers is a context that ends, as repo_unreachable, when the object store has not
// answered for storeSilence. Call stop when the store is not needed any more.
func whileStoreAnswers(
	ctx context.Context, repo repository.Repository, from pgbackrest.Dialer,
) (_ context.Context, stop func()) {
	address, remote := repo.Address()
	if !remote {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	last := time.Now()
	stopWatch := watch(ctx, func(ctx context.Context) {
		ctx, done := context.WithTimeout(ctx, toolTimeout)
		defer done()
		_, err := pgbackrest.Probe(ctx, from, address, nil) // what takes a connection may be a proxy
		if err == nil {
			last = time.Now()
			return
		}
		if gone := time.Since(last); gone > storeSilence {
			cancel(
				reason.Errorf(reason.RepoUnreachable, "the object store at %s has not answered for %s: %w", address,
					gone.Round(time.Second), err),
			)
		}
	})
	return ctx, func() { stopWatch(); cancel(nil) }
}
