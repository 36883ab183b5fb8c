package source

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// beatEvery is how often a seeded cluster writes a beat: small against an RPO budget of minutes.
const beatEvery = time.Second

// beats writes the heartbeat in the background, as production would.
type beats struct {
	mu      sync.Mutex
	cancel  context.CancelFunc // nil: not started
	stopped bool               // for good
	done    sync.WaitGroup
}

// start starts the writer, unless it was stopped before it began.
func (b *beats) start(connect func(context.Context) (*pgx.Conn, error)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	b.done.Go(func() { keepBeating(ctx, connect) })
}

// stop ends the writer for good and waits for it.
func (b *beats) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	if b.cancel != nil {
		b.cancel()
	}
	b.done.Wait()
}

// keepBeating writes a beat a second until ctx ends, over a new connection
// after each failure: a cluster that is restarted goes on beating.
func keepBeating(ctx context.Context, connect func(context.Context) (*pgx.Conn, error)) {
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	var conn *pgx.Conn
	for {
		if conn == nil {
			conn, _ = connect(ctx) // tried again at the next tick
		}
		if conn != nil && beat(ctx, conn) != nil {
			hangUp(conn)
			conn = nil
		}
		select {
		case <-ctx.Done():
			if conn != nil {
				hangUp(conn)
			}
			return
		case <-ticker.C:
		}
	}
}

// hangUp closes a connection that may be dead, without waiting for it.
func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), beatEvery)
	defer cancel()
	conn.Close(ctx) //nolint:errcheck // it is given up
}
