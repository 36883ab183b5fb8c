package backup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wait"
	"veza.fr/recovery/internal/wal"
)

const (
	// pushTime is how long a segment may take from the switch into the repository.
	pushTime = 30 * time.Second
	// lookEvery is the time between two looks at the repository: the error of the measurement.
	lookEvery = 500 * time.Millisecond
	// A seeded cluster is measured several times, with a shorter archive_timeout: the
	// bound follows the setting, and nobody waits for minutes.
	seededRounds  = 3
	seededTimeout = 5 * time.Second
)

// rpo is the claim rpo: a row that was written is in the repository after archive_timeout
// and the time a push takes, at most. Nothing is switched by hand: that would be faster
// than what a disaster would find.
func (b *check) rpo(ctx context.Context) error {
	if err := b.needInfo(); err != nil {
		return err
	}
	conn, err := b.primary(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // what was written is committed
	rounds := 1
	if b.seeded != nil {
		rounds = seededRounds
		restore, err := b.hurry(ctx, conn)
		if err != nil {
			return err
		}
		defer restore()
	}
	longest, bound := time.Duration(0), time.Duration(0)
	var late error
	for round := range rounds {
		delay, limit, err := b.round(ctx, conn)
		if delay > 0 {
			longest, bound = max(longest, delay), limit
			b.say("round %d: a row was in the repository after %.1f s; at most %s are allowed", round+1, delay.Seconds(), limit)
		}
		if err != nil {
			late = err
			break
		}
	}
	if longest > 0 {
		b.metric("rpo_seconds", longest.Seconds())
		b.note("a row was in the repository after %.1f s at the latest, in %d rounds; %s are allowed", longest.Seconds(), rounds, bound)
	}
	return late
}

// hurry shortens archive_timeout for the rounds; what it returns sets it back.
func (b *check) hurry(ctx context.Context, conn *pgx.Conn) (restore func(), err error) {
	set := func(ctx context.Context, value string) error {
		for _, statement := range []string{`ALTER SYSTEM SET archive_timeout = '` + value + `'`, `SELECT pg_reload_conf()`} {
			if _, failure := conn.Exec(ctx, statement); failure != nil {
				return reason.Wrap(reason.SandboxFailed, fmt.Errorf("%s: %w", statement, failure))
			}
		}
		return nil
	}
	restore = func() {
		late, cancel := suite.Cleanup()
		defer cancel()
		if failure := set(late, "60s"); failure != nil {
			b.note("archive_timeout could not be set back: %v", failure)
		}
	}
	if err = set(ctx, seededTimeout.String()); err == nil {
		err = wait.For(ctx, "archive_timeout to be "+seededTimeout.String(), 20*time.Millisecond, func(ctx context.Context) error {
			now, failure := archiveTimeout(ctx, conn)
			if failure == nil && now != seededTimeout {
				failure = fmt.Errorf("it is %s", now)
			}
			return failure
		})
	}
	if err != nil {
		restore()
		return nil, err
	}
	b.say("archive_timeout is %s for %d rounds, and 60s again after them", seededTimeout, seededRounds)
	return restore, nil
}

// round writes one row and waits until its segment is in the repository. What takes
// longer than allowed is waited for up to twice the time, so that the true figure is known.
func (b *check) round(ctx context.Context, conn *pgx.Conn) (delay, limit time.Duration, err error) {
	timeout, err := archiveTimeout(ctx, conn)
	if err != nil {
		return 0, 0, b.unasked(err)
	}
	limit = b.settings.RPO
	if timeout > 0 {
		limit = min(limit, timeout+pushTime)
	}
	begin := time.Now()
	segment, err := b.write(ctx, conn)
	if err != nil {
		return 0, limit, err
	}
	bound, cancel := context.WithTimeout(ctx, max(2*limit, 10*lookEvery))
	defer cancel()
	err = wait.For(bound, "segment "+segment+" to be in the repository", lookEvery, func(ctx context.Context) error { return b.holds(ctx, segment) })
	delay = time.Since(begin)
	_, known := reason.Of(err)
	switch {
	case err == nil && delay <= limit:
	case err == nil:
		err = reason.Errorf(reason.RPOExceeded, "a row was in the repository after %s; at most %s are allowed: archive_timeout %s, and %s to push a segment",
			delay.Round(100*time.Millisecond), limit, timeout, pushTime)
	case ctx.Err() == nil && !known:
		err = reason.Errorf(reason.RPOExceeded, "a row is not in the repository after %s; at most %s are allowed: archive_timeout %s, and %s to push a segment: %w",
			delay.Round(time.Second), limit, timeout, pushTime, err)
		delay = 0 // nobody knows how long it takes
	}
	return delay, limit, err
}

// holds is nil when the repository holds a segment.
func (b *check) holds(ctx context.Context, segment string) error {
	files, err := b.repo.Client.List(ctx, b.repo.Directory(b.info, b.newest())+"/"+segment[:16])
	if err != nil {
		if why, known := reason.Of(err); known && why.Exit() == reason.ExitFailed {
			return wait.Stop(err)
		}
		return err
	}
	for _, file := range files {
		if wal.IsSegment(segment) && strings.HasPrefix(file.Path, segment+"-") {
			return nil
		}
	}
	return errors.New("it is not listed")
}

// write writes a beat and returns the segment that holds its commit.
func (b *check) write(ctx context.Context, conn *pgx.Conn) (segment string, err error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	err = wait.For(ctx, "a beat of our own", 50*time.Millisecond, func(ctx context.Context) error {
		_, failure := conn.Exec(ctx, source.Beat)
		if said, ok := errors.AsType[*pgconn.PgError](failure); ok && said.Code != "23505" { // the same number was written by somebody else
			return wait.Stop(failure)
		}
		return failure
	})
	if err == nil {
		err = conn.QueryRow(ctx, `SELECT pg_walfile_name(pg_current_wal_insert_lsn())`).Scan(&segment)
	}
	if said, ok := errors.AsType[*pgconn.PgError](err); ok && (said.Code == "42P01" || said.Code == "42501") { // no such table, no right to it
		return "", reason.Errorf(reason.ConfigInvalid, "-write needs a table public.veza_heartbeat (seq bigint PRIMARY KEY, beat_at timestamptz NOT NULL, lsn pg_lsn NOT NULL) "+
			"that the role of -primary may read and insert into: %w", err)
	}
	if err != nil {
		return "", b.unasked(err)
	}
	return segment, nil
}

func archiveTimeout(ctx context.Context, conn *pgx.Conn) (time.Duration, error) {
	var seconds float64
	err := conn.QueryRow(ctx, `SELECT extract(epoch FROM current_setting('archive_timeout')::interval)::float8`).Scan(&seconds)
	return time.Duration(seconds * float64(time.Second)), err
}
