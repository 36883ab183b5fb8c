package source

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// schema is made before the first rows, keys and indexes after them: loading is twice as fast so.
var (
	schema = []string{
		`CREATE TABLE public.users
			(id bigint NOT NULL, email text NOT NULL, name text NOT NULL, created_at timestamptz NOT NULL)`,
		`CREATE TABLE public.orders
			(id bigint NOT NULL, user_id bigint NOT NULL, total_cents bigint NOT NULL, placed_at timestamptz NOT NULL)`,
		`CREATE TABLE public.order_items
			(order_id bigint NOT NULL, line int NOT NULL, sku text NOT NULL, quantity int NOT NULL)`,
		`CREATE TABLE public.veza_heartbeat
			(seq bigint PRIMARY KEY, beat_at timestamptz NOT NULL, lsn pg_lsn NOT NULL)`,
	}
	keys = []string{
		`ALTER TABLE public.users ADD PRIMARY KEY (id), ADD UNIQUE (email)`,
		`ALTER TABLE public.orders ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES public.users`,
		`ALTER TABLE public.order_items ADD PRIMARY KEY (order_id, line),
			ADD FOREIGN KEY (order_id) REFERENCES public.orders`,
		`CREATE INDEX ON public.orders (user_id)`,
		`CREATE INDEX ON public.order_items (sku)`,
	}
	// Rows $1+1 to $2: every second user has an order, every order two lines.
	rows = []string{
		`INSERT INTO public.users SELECT i, 'user' || i || '@example.org', 'User ' || md5(i::text), clock_timestamp()
			FROM generate_series($1::bigint + 1, $2) i`,
		`INSERT INTO public.orders SELECT i, i, (i * 7919) % 100000, clock_timestamp()
			FROM generate_series($1::bigint + 1, $2) i WHERE i % 2 = 0`,
		`INSERT INTO public.order_items SELECT i, l, 'sku-' || (i * 31 + l) % 1000, 1 + i % 5
			FROM generate_series($1::bigint + 1, $2) i, generate_series(1, 2) l WHERE i % 2 = 0`,
	}
)

// Load makes the tables of a seeded cluster, with n users in them, in the database that
// conn is connected to.
func Load(ctx context.Context, conn *pgx.Conn, n int) error {
	if err := Each(ctx, conn, schema); err != nil {
		return err
	}
	if err := insert(ctx, conn, 0, n); err != nil {
		return err
	}
	return Each(ctx, conn, keys)
}

// grow adds n users and their orders to those that are there.
func grow(ctx context.Context, conn *pgx.Conn, n int) error {
	var last int
	if err := conn.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM public.users`).Scan(&last); err != nil {
		return fmt.Errorf("last user: %w", err)
	}
	return insert(ctx, conn, last, last+n)
}

func insert(ctx context.Context, conn *pgx.Conn, above, to int) error {
	for _, statement := range rows {
		if _, err := conn.Exec(ctx, statement, above, to); err != nil {
			return fmt.Errorf("%.40s...: %w", statement, err)
		}
	}
	return nil
}

// Each runs statements one after the other, until one fails.
func Each(ctx context.Context, conn *pgx.Conn, statements []string) error {
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%.40s...: %w", statement, err)
		}
	}
	return nil
}

// HeartbeatRow writes one row of the heartbeat, dated by the clock and not by the
// start of its transaction (facts B1). Whoever keeps the heartbeat of a seeded cluster going runs
// it every second.
const HeartbeatRow = `INSERT INTO public.veza_heartbeat
	SELECT coalesce(max(seq), 0) + 1, clock_timestamp(), pg_current_wal_insert_lsn() FROM public.veza_heartbeat`

func writeHeartbeatRow(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, HeartbeatRow)
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	return nil
}
