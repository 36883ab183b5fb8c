package backup

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wait"
)

// A seeded cluster is measured several times, with a shorter archive_timeout: the bound
// follows the setting, and nobody waits for minutes.
const (
	seededRounds  = 3
	seededTimeout = 5 * time.Second
)

// rowsAreSafeInTime is the claim rpo: a row that was written is in the repository after
// archive_timeout and the time a push takes, at most. Nothing is switched by hand: that would
// be faster than what a disaster would find.
func rowsAreSafeInTime(ctx context.Context, out suite.Out, in opened) error {
	if err := in.needBackups(); err != nil {
		return err
	}
	if err := upgradedSince(in.listing); err != nil { // a row that is archived is nothing without a backup
		return err
	}
	conn, err := in.Primary(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // what was written is committed
	rounds := 1
	if in.Seeded != nil {
		rounds = seededRounds
		restore, err := shortenTimeout(ctx, out, conn)
		if err != nil {
			return err
		}
		defer restore()
	}
	return measureRows(out, rounds, func() (arrival, error) { return measureRow(ctx, in, conn) })
}

// measureRows measures several rows, until one is late, and publishes the slowest that came. Each is written at a
// random moment: the longest that one can take is not measured, and is said.
func measureRows(out suite.Out, rounds int, measure func() (arrival, error)) (late error) {
	var slowest arrival
	for round := range rounds {
		var row arrival
		row, late = measure()
		if row.came() {
			slowest = arrival{delay: max(slowest.delay, row.delay), limit: row.limit, timeout: row.timeout}
			out.Say("round %d: a row was in the repository after %.1f s; at most %s are allowed",
				round+1, row.delay.Seconds(), row.limit)
		}
		if late != nil {
			break
		}
	}
	if slowest.came() {
		out.Metric("rpo_seconds", slowest.delay.Seconds())
		out.Metric("rpo_budget_seconds", slowest.limit.Seconds())
		of := "a row that was written at a random moment was in the repository after"
		if rounds > 1 {
			of = fmt.Sprintf("the slowest of %d rows that were written at random moments was in the repository after",
				rounds)
		}
		out.Note("%s %.1f s; %s; %s are allowed", of, slowest.delay.Seconds(), slowest.longest(), slowest.limit)
	}
	return late
}

// shortenTimeout shortens archive_timeout for the rounds; what it returns sets it back.
func shortenTimeout(ctx context.Context, out suite.Out, conn *pgx.Conn) (restore func(), err error) {
	restore = func() {
		late, cancel := suite.Cleanup()
		defer cancel()
		if failure := setTimeout(late, conn, "60s"); failure != nil {
			out.Note("archive_timeout could not be set back: %v", failure)
		}
	}
	if err = setTimeout(ctx, conn, seededTimeout.String()); err == nil {
		err = waitForTimeout(ctx, conn, seededTimeout)
	}
	if err != nil {
		restore()
		return nil, err
	}
	out.Say("archive_timeout is %s for %d rounds, and 60s again after them", seededTimeout, seededRounds)
	return restore, nil
}

func setTimeout(ctx context.Context, conn *pgx.Conn, value string) error {
	statements := []string{`ALTER SYSTEM SET archive_timeout = '` + value + `'`, `SELECT pg_reload_conf()`}
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return reason.Wrap(reason.SandboxFailed, fmt.Errorf("%s: %w", statement, err))
		}
	}
	return nil
}

// waitForTimeout waits until the server has reloaded its settings.
func waitForTimeout(ctx context.Context, conn *pgx.Conn, want time.Duration) error {
	return wait.For(ctx, "archive_timeout to be "+want.String(), 20*time.Millisecond, func(ctx context.Context) error {
		now, err := archiveTimeout(ctx, conn)
		if err == nil && now != want {
			err = fmt.Errorf("it is %s", now)
		}
		return err
	})
}

func archiveTimeout(ctx context.Context, conn *pgx.Conn) (time.Duration, error) {
	const query = `SELECT extract(epoch FROM current_setting('archive_timeout')::interval)::float8`
	var seconds float64
	err := conn.QueryRow(ctx, query).Scan(&seconds)
	return time.Duration(seconds * float64(time.Second)), err
}
