package backup

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/wait"
)

// Errors of PostgreSQL, by SQLSTATE.
const (
	uniqueViolation = "23505"
	undefinedTable  = "42P01"
	noPrivilege     = "42501"
)

// writeHeartbeatRow writes a heartbeat row and returns the segment that holds its commit.
func writeHeartbeatRow(ctx context.Context, in opened, conn *pgx.Conn) (segment string, err error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	err = wait.For(ctx, "a heartbeat row of our own", 50*time.Millisecond, func(ctx context.Context) error {
		_, failure := conn.Exec(ctx, source.HeartbeatRow)
		return retrySameNumber(failure)
	})
	if err == nil {
		segment, err = currentSegment(ctx, conn)
	}
	switch {
	case err == nil:
		return segment, nil
	case notWritable(err):
		return "", reason.Errorf(reason.ConfigInvalid, "-write needs a table public.veza_heartbeat "+
			"(seq bigint PRIMARY KEY, beat_at timestamptz NOT NULL, lsn pg_lsn NOT NULL) "+
			"that the role of -primary may read and insert into: %w", err)
	}
	return "", in.Unanswered(err)
}

// currentSegment is the segment that the server writes now.
func currentSegment(ctx context.Context, conn *pgx.Conn) (segment string, err error) {
	err = conn.QueryRow(ctx, `SELECT pg_walfile_name(pg_current_wal_insert_lsn())`).Scan(&segment)
	return segment, err
}

// retrySameNumber ends the wait with whatever the server says, except when somebody else
// wrote a row with the same number at that moment: the next try takes the next number.
func retrySameNumber(failure error) error {
	if said, ok := errors.AsType[*pgconn.PgError](failure); ok && said.Code != uniqueViolation {
		return wait.Stop(failure)
	}
	return failure
}

// notWritable says whether the server answered that there is no heartbeat table, or no right to it.
func notWritable(err error) bool {
	said, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (said.Code == undefinedTable || said.Code == noPrivilege)
}
