package drill

import (
	"context"
	"net"
	"time"

	"veza.fr/recovery/internal/reason"
)

// storeSilence is how long the object store may be gone in the middle of a restore or
// a replay. pgBackRest goes on for many minutes, file by file; a store that only
// restarts is back before that.
const storeSilence = 30 * time.Second

// withStore is a context that ends, as repo_unreachable, when the object store has not
// taken a connection for storeSilence. Call stop when the store is not needed any more.
func (d *drill) withStore(ctx context.Context) (_ context.Context, stop func()) {
	address, remote := d.conf.parsed.Repo(d.stanza, d.settings.Repo).Address()
	if !remote {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	last := time.Now()
	stopWatch := watch(ctx, func(ctx context.Context) {
		ctx, done := context.WithTimeout(ctx, toolTimeout)
		defer done()
		conn, err := d.box.Dial(ctx, "tcp", net.JoinHostPort(address.Host, address.Port))
		if err == nil {
			last = time.Now()
			_ = conn.Close() // nothing was written
			return
		}
		if gone := time.Since(last); gone > storeSilence {
			cancel(reason.Errorf(reason.RepoUnreachable, "the object store at %s has not answered for %s: %w", address, gone.Round(time.Second), err))
		}
	})
	return ctx, func() { stopWatch(); cancel(nil) }
}
