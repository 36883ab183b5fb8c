package source

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// heartbeatEvery is how often a seeded cluster writes a heartbeat row: small against an RPO budget of minutes.
const heartbeatEvery = time.Second

// heartbeat writes the heartbeat in the background, as production would.
type heartbeat struct {
	mu      sync.Mutex
	cancel  context.CancelFunc // nil: not started
	stopped bool               // for good
	done    sync.WaitGroup
}

// start starts the writer, unless it was stopped before it began.
func (h *heartbeat) start(connect func(context.Context) (*pgx.Conn, error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	h.done.Go(func() { writeHeartbeat(ctx, connect) })
}

// stop ends the writer for good and waits for it.
func (h *heartbeat) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	if h.cancel != nil {
		h.cancel()
	}
	h.done.Wait()
}

// writeHeartbeat writes a row a second until ctx ends, over a new connection
// after each failure: a cluster that is restarted goes on.
func writeHeartbeat(ctx context.Context, connect func(context.Context) (*pgx.Conn, error)) {
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	var conn *pgx.Conn
	for {
		if conn == nil {
			conn, _ = connect(ctx) // tried again at the next tick
		}
		if conn != nil && writeHeartbeatRow(ctx, conn) != nil {
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
	ctx, cancel := context.WithTimeout(context.Background(), heartbeatEvery)
	defer cancel()
	conn.Close(ctx) //nolint:errcheck // it is given up
}
