package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/wait"
)

// strides is how far apart the users are that one pass changes: near enough that every
// page of the table has one.
const strides = 50

// grow has the cluster write so many segments and waits until they are archived. Most of it
// is full-page images, as in production after a checkpoint: each pass changes a row of every page.
func grow(ctx context.Context, seeded *source.Seeded, segments int, say func(string, ...any)) error {
	if segments == 0 {
		return nil
	}
	conn, err := seeded.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	say("writing %d segments of WAL", segments)
	const size = "pg_size_bytes(current_setting('wal_segment_size'))"
	var begin string
	if err = conn.QueryRow(ctx, "SELECT pg_current_wal_insert_lsn()::text").Scan(&begin); err != nil {
		return err
	}
	for pass, written := 0, 0; written <= segments; pass++ {
		const change = "UPDATE public.users SET created_at = clock_timestamp() WHERE id %% %d = %d"
		err = source.Each(ctx, conn, []string{"CHECKPOINT", fmt.Sprintf(change, strides, pass%strides)})
		if err != nil {
			return err
		}
		if err = conn.QueryRow(ctx, "SELECT (pg_current_wal_insert_lsn() - $1::text::pg_lsn)::bigint / "+size, begin).
			Scan(&written); err != nil {
			return err
		}
	}
	return archived(ctx, conn)
}

// archived switches to a new segment and waits for the archive, which is far behind.
func archived(ctx context.Context, conn *pgx.Conn) error {
	var segment string
	const current = "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"
	if err := conn.QueryRow(ctx, current).Scan(&segment); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_switch_wal()"); err != nil {
		return err
	}
	const last = "SELECT coalesce(left(last_archived_wal, 24), '') FROM pg_stat_archiver"
	return wait.For(ctx, "the archive of "+segment, 200*time.Millisecond, func(ctx context.Context) error {
		var reached string
		if err := conn.QueryRow(ctx, last).Scan(&reached); err != nil {
			return wait.Stop(err)
		}
		if reached < segment {
			return errors.New("it has reached " + reached)
		}
		return nil
	})
}
