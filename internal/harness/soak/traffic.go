package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// traffic changes rows and schema in the background, as an application does.
type traffic struct {
	gate   sync.Mutex // held while it must not write
	cancel context.CancelFunc
	done   sync.WaitGroup
	made   atomic.Int64 // changes; one that is refused is none, and the next one comes
}

func (t *traffic) pause()  { t.gate.Lock() }
func (t *traffic) resume() { t.gate.Unlock() }

func (t *traffic) stop() {
	if t.cancel != nil {
		t.cancel()
	}
	t.done.Wait()
}

const moreUsers = `INSERT INTO users SELECT i, 'more' || i || '@example.org', 'More', clock_timestamp()
	FROM (SELECT coalesce(max(id), 0) AS last FROM users) l, generate_series(last + 1, last + 50) i`

// changes are what a busy cluster does; %[1]d tells rounds apart.
var changes = []string{
	moreUsers, moreUsers, moreUsers,
	`UPDATE users SET name = 'Renamed %[1]d' WHERE id %% 50 = %[1]d %% 50`,
	`CREATE TABLE churn_%[1]d AS SELECT i, repeat(md5(i::text), 20) AS text FROM generate_series(1, 300) i`,
	`CREATE INDEX CONCURRENTLY ON users (name)`,
	`REINDEX TABLE CONCURRENTLY orders`,
	`VACUUM users`, `VACUUM FULL order_items`, `ANALYZE`,
	`CREATE TABLE IF NOT EXISTS scratch (i int); INSERT INTO scratch SELECT generate_series(1, 500)`,
	`TRUNCATE scratch`,
	`DROP TABLE IF EXISTS scratch`,
	`DO $$ DECLARE t text; BEGIN
		FOR t IN SELECT relname FROM pg_class WHERE relname LIKE 'churn%%' AND relkind = 'r'
		LOOP EXECUTE 'DROP TABLE ' || t; END LOOP; END $$`,
	`DO $$ DECLARE i text; BEGIN
		FOR i IN SELECT relname FROM pg_class WHERE relname LIKE 'users_name_idx%%'
		LOOP EXECUTE 'DROP INDEX ' || i; END LOOP; END $$`,
	`CREATE DATABASE churn_%[1]d`,
	`CREATE DATABASE copied_%[1]d STRATEGY file_copy`,
	`DO $$ BEGIN PERFORM lo_unlink(oid) FROM pg_largeobject_metadata LIMIT 1;
		PERFORM lo_from_bytea(0, 'large'); END $$`,
	`SELECT pg_switch_wal()`,
	`CHECKPOINT`,
}

// startTraffic starts what the mix says goes on from here.
func (s *site) startTraffic(r *rand.Rand) func(context.Context) error {
	random := rand.New(rand.NewPCG(r.Uint64(), r.Uint64()))
	return func(context.Context) error {
		pace := map[string]time.Duration{busy: 30 * time.Millisecond, seldomBusy: 400 * time.Millisecond}[s.mix.load]
		if pace == 0 {
			return nil
		}
		ctx, cancel := context.WithCancel(context.Background())
		s.traffic.cancel = cancel
		s.traffic.done.Go(func() { s.churn(ctx, random, pace) })
		return nil
	}
}

// churn makes changes until ctx ends, over a new session after each restart.
func (s *site) churn(ctx context.Context, random *rand.Rand, pace time.Duration) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for round := 0; ; round++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.change(ctx, random, round)
		}
	}
}

// change makes one change in a session of its own, so that a restart needs no care.
func (s *site) change(ctx context.Context, random *rand.Rand, round int) {
	s.traffic.gate.Lock()
	defer s.traffic.gate.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	conn, err := s.Connect(ctx)
	if err != nil {
		return
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	text := pick(random, changes...)
	if s.mix.load == seldomBusy {
		text = moreUsers
	}
	statement := fmt.Sprintf(text+" -- %[1]d", round)
	if _, err := conn.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
		return
	}
	s.traffic.made.Add(1)
	if round%40 == 39 { // databases cost 7 MB each
		s.dropDatabases(ctx, conn)
	}
}

func (s *site) dropDatabases(ctx context.Context, conn *pgx.Conn) {
	rows, _ := conn.Query(ctx, `SELECT datname FROM pg_database WHERE datname LIKE 'churn%' OR datname LIKE 'copied%'`)
	names, _ := pgx.CollectRows(rows, pgx.RowTo[string]) // none, where the cluster is gone by now
	for _, name := range names {
		_, _ = conn.Exec(ctx, `DROP DATABASE `+name) // somebody may be in it; the next round tries again
	}
}

// moved says when a source that is to be busy was not: its drills were of another kind.
func (s *site) moved() error {
	if s.traffic.cancel == nil || s.traffic.made.Load() > 0 {
		return nil
	}
	return errors.New("the traffic was refused every change: this source was idle")
}
