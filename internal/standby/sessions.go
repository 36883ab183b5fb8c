package standby

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/compare"
)

// sessions of one database hold the same snapshot, each by itself: all are taken while replay stands still. A snapshot
// that one session exports to others would be less of one on a standby. Once a transaction has had more than 64
// subtransactions, PostgreSQL exports none of the transactions that were in progress (snapmgr.c, ExportSnapshot: those
// are in subxip in recovery, which is left out with sof:1), and what commits later is seen.
type sessions struct {
	all  []*pgx.Conn
	free chan *pgx.Conn

	mu    sync.Mutex
	alive int
}

// sessionsOf is how many sessions a database is worth: two that ask, and one that lists, or is left when replay ends
// another one for its lock. A cluster of many databases is asked one after the other.
func sessionsOf(databases int) int {
	const few, some = 4, 16
	switch {
	case databases <= few:
		return standbyWorkers + 1
	case databases <= some:
		return standbyWorkers
	}
	return 1
}

// standbyWorkers is how many sessions ask at a time: production has other work.
const standbyWorkers = 2

// join opens sessions in a database. The first one must come, the others may not.
func (s *Standby) join(ctx context.Context, database string, n int) (*sessions, error) {
	some := &sessions{free: make(chan *pgx.Conn, n)}
	var err error
	for range n {
		var conn *pgx.Conn
		if conn, err = s.connect(ctx, database); err != nil {
			break
		}
		some.all = append(some.all, conn)
		if err = compare.Prepare(ctx, conn); err != nil {
			break
		}
		some.free <- conn
	}
	some.alive = len(some.free)
	s.mu.Lock()
	s.frozen[database] = some
	s.mu.Unlock()
	if some.alive == 0 {
		return nil, err
	}
	return some, nil
}

// ready are the sessions that were prepared.
func (p *sessions) ready() []*pgx.Conn { return p.all[:p.alive] }

// errThawed is a database whose sessions are all gone.
var errThawed = errors.New("no session has the snapshot any more")

// take hands out a session, and waits for one that somebody else has.
func (p *sessions) take(ctx context.Context) (*pgx.Conn, error) {
	for {
		select {
		case conn, open := <-p.free:
			if !open {
				return nil, errThawed
			}
			if !conn.IsClosed() {
				return conn, nil
			}
			p.give(conn)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// give takes a session back. One that was ended is not handed out again.
func (p *sessions) give(conn *pgx.Conn) {
	if !conn.IsClosed() {
		p.free <- conn
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.alive--; p.alive == 0 {
		close(p.free)
	}
}

// ask asks under the snapshot of a database.
func (s *Standby) ask(ctx context.Context, database string, ask func(context.Context, *pgx.Conn) error) error {
	some := s.frozen[database]
	conn, err := some.take(ctx)
	if err != nil {
		return fmt.Errorf("database %s: %w", database, err)
	}
	defer some.give(conn)
	return lightly(ctx, conn, ask)
}
