package backup

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/suite"
)

// askArchiver asks the primary about its archiving; nil when none is named.
func askArchiver(ctx context.Context, out suite.Out, in opened) (*archiver, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	conn, err := in.Primary(ctx)
	if conn == nil || err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing was written
	a, err := queryArchiver(ctx, conn)
	if err != nil {
		return nil, in.Unanswered(err)
	}
	if a.recovering {
		return nil, reason.Errorf(reason.ConfigInvalid, "-primary names a standby: "+
			"with archive_mode=on it archives nothing; name the primary, or several hosts "+
			"with target_session_attrs=read-write")
	}
	for _, line := range a.lines() {
		out.Say("%s", line)
	}
	for _, text := range a.warnings() {
		out.Note("%s", text)
	}
	return a, nil
}

func queryArchiver(ctx context.Context, conn *pgx.Conn) (*archiver, error) {
	a := &archiver{}
	var seconds float64
	var last, failed, oldest *time.Time
	err := conn.QueryRow(ctx, `SELECT current_setting('archive_mode'), current_setting('archive_command'),
		coalesce(current_setting('archive_library', true), ''),
		extract(epoch FROM current_setting('archive_timeout')::interval)::float8, pg_is_in_recovery(),
		coalesce(last_archived_wal, ''), coalesce(last_failed_wal, ''),
		last_archived_time, last_failed_time, clock_timestamp(),
		(SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'),
		(SELECT min(modification) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready')
		FROM pg_stat_archiver`).Scan(&a.mode, &a.command, &a.library, &seconds, &a.recovering,
		&a.lastWAL, &a.failedWAL, &last, &failed, &a.now, &a.waiting, &oldest)
	a.timeout = time.Duration(seconds * float64(time.Second))
	for to, from := range map[*time.Time]*time.Time{&a.lastAt: last, &a.failedAt: failed, &a.oldest: oldest} {
		if from != nil {
			*to = *from
		}
	}
	if err == nil {
		a.systemID, err = session.SystemID(ctx, conn)
	}
	return a, err
}
