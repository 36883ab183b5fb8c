package compared

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// traffic is all loads at work.
type traffic struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	rounds []atomic.Int64 // that each came to the end of
	ahead  atomic.Bool    // more WAL was written than the pace allows
}

// walPace is how many bytes of WAL production writes in a second, all loads together. A drill beside it, on the same
// processors, follows the archive to its end: it would never get there behind one that writes as fast as it replays.
const walPace = 3 << 20

// start has each load go on in a session of its own until stop. One that is refused (a deadlock, a failover) is begun
// again, as an application does.
func (c *cluster) start(ctx context.Context) *traffic {
	ctx, cancel := context.WithCancel(ctx)
	t := &traffic{cancel: cancel, rounds: make([]atomic.Int64, len(loads))}
	t.done.Go(func() { c.keepPace(ctx, &t.ahead) })
	for i, l := range loads {
		t.done.Go(func() {
			for ctx.Err() == nil {
				c.work(ctx, l, &t.rounds[i], &t.ahead)
				select {
				case <-ctx.Done():
				case <-time.After(100 * time.Millisecond):
				}
			}
		})
	}
	return t
}

// work is one session of a load, until something is refused.
func (c *cluster) work(ctx context.Context, l load, rounds *atomic.Int64, ahead *atomic.Bool) {
	conn, err := c.Connect(ctx)
	if err != nil {
		return
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // what was in flight is given up
	for _, left := range []string{`ROLLBACK PREPARED 'held'`, `ROLLBACK PREPARED 'undone'`} {
		if l.name == "prepared" {
			_, _ = conn.Exec(ctx, left) // of a session before; there may be none
		}
	}
	for _, left := range []string{
		`DROP TABLE IF EXISTS short, shorter`, `DROP SEQUENCE IF EXISTS passing`, `DROP SEQUENCE IF EXISTS passed`,
		`DROP TABLE IF EXISTS part_new`,
	} {
		if l.name == "ddl" || l.name == "partitions" {
			_, _ = conn.Exec(ctx, left) // as above
		}
	}
	pause := time.NewTicker(l.pause)
	defer pause.Stop()
	for {
		for _, statement := range l.statements {
			if _, err = conn.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
				return
			}
		}
		rounds.Add(1)
		for first := true; first || ahead.Load(); first = false {
			select {
			case <-ctx.Done():
				return
			case <-pause.C:
			}
		}
	}
}

// keepPace says all the time whether production is ahead of its pace. After a failover it begins anew.
func (c *cluster) keepPace(ctx context.Context, ahead *atomic.Bool) {
	for ctx.Err() == nil {
		ahead.Store(false)
		_ = c.watchPace(ctx, ahead) // a primary that is gone comes back
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *cluster) watchPace(ctx context.Context, ahead *atomic.Bool) error {
	conn, err := c.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	// What is written, and not where it lies: a segment that is ended early is no work.
	const query = `SELECT wal_bytes::bigint FROM pg_stat_wal`
	var begun int64
	if err = conn.QueryRow(ctx, query).Scan(&begun); err != nil {
		return err
	}
	since := time.Now()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		var written int64
		if err = conn.QueryRow(ctx, query).Scan(&written); err != nil {
			return err
		}
		ahead.Store(float64(written-begun) > walPace*time.Since(since).Seconds())
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (t *traffic) stop() {
	t.cancel()
	t.done.Wait()
}
