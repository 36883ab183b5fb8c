package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
	"veza.fr/recovery/internal/wal"
)

const (
	// pushTime is how long a segment may take from the switch into the repository.
	pushTime = 30 * time.Second
	// lookEvery is the time between two looks at the repository: the error of the measurement.
	lookEvery = 500 * time.Millisecond
)

// arrival is how long a row took from being written to being in the repository.
type arrival struct {
	delay time.Duration // 0: nobody knows, it did not come
	limit time.Duration // how long it may take
	// timeout is the archive_timeout. The row was written at a random moment of it, and waited for the rest.
	timeout time.Duration
}

func (a arrival) came() bool { return a.delay > 0 }

// longest is how much longer another row can take: one that just missed a switch of segments.
func (a arrival) longest() string {
	if a.timeout == 0 {
		return "without an archive_timeout another one waits until its segment is full"
	}
	return fmt.Sprintf("one that just misses a switch of segments takes up to archive_timeout (%s) more", a.timeout)
}

// allowed is how long a row may take: the RPO budget, and no longer than archive_timeout and
// a push, where there is a timeout.
func allowed(budget, timeout time.Duration) time.Duration {
	if timeout > 0 {
		return min(budget, timeout+pushTime)
	}
	return budget
}

// patience is how long a row is waited for that may take so long: up to twice the time, so
// that the true figure is known of one that is late.
func patience(limit time.Duration) time.Duration { return max(2*limit, 10*lookEvery) }

// measureRow writes one row and waits until its segment is in the repository.
func measureRow(ctx context.Context, in opened, conn *pgx.Conn) (arrival, error) {
	timeout, err := archiveTimeout(ctx, conn)
	if err != nil {
		return arrival{}, in.Unanswered(err)
	}
	limit := allowed(in.Settings.RPO, timeout)
	before, err := beforeTheRow(ctx, in, conn)
	if err != nil {
		return arrival{}, err
	}
	begin := time.Now()
	segment, err := writeHeartbeatRow(ctx, in, conn)
	if err != nil {
		return arrival{limit: limit, timeout: timeout}, err
	}
	bound, cancel := context.WithTimeout(ctx, patience(limit))
	defer cancel()
	err = wait.For(bound, "segment "+segment+" to be in the repository", lookEvery, func(ctx context.Context) error {
		files, failure := listed(ctx, in, segment)
		return holds(files, failure, segment, before)
	})
	row := arrival{delay: time.Since(begin), limit: limit, timeout: timeout}
	return row.judge(err, ctx.Err() != nil)
}

// beforeTheRow lists what the archive holds of the segments that are to come, before the row is written.
func beforeTheRow(ctx context.Context, in opened, conn *pgx.Conn) (files []wal.File, err error) {
	segment, err := currentSegment(ctx, conn)
	if err != nil {
		return nil, in.Unanswered(err)
	}
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	err = wait.For(ctx, "a listing of the archive", lookEvery, func(ctx context.Context) (failure error) {
		files, failure = listed(ctx, in, segment)
		return theirs(failure)
	})
	return files, reason.Wrap(reason.RepoUnreachable, err)
}

// listed lists the directory of the archive that a segment belongs into.
func listed(ctx context.Context, in opened, segment string) ([]wal.File, error) {
	return in.Client.Pgbackrest.List(ctx, in.directory(in.newest())+"/"+segment[:16])
}

// theirs ends the wait for a listing where the failure is the repository's fault.
func theirs(failed error) error {
	if why, known := reason.Of(failed); known && why.Exit() == reason.ExitFailed {
		return wait.Stop(failed)
	}
	return failed
}

// holds is nil when a listing of the repository holds a segment; failed is what listing came to. before was listed
// before the row was written: a segment of that name is another cluster's, and keeps this one's out.
func holds(files []wal.File, failed error, segment string, before []wal.File) error {
	if failed != nil {
		return theirs(failed)
	}
	of := func(file wal.File) bool {
		name, ok := wal.Stored(file.Path)
		return ok && name == segment
	}
	switch {
	case slices.ContainsFunc(before, of):
		return wait.Stop(reason.Errorf(reason.TimelineConflict, "segment %s was in the repository before the primary "+
			"had written it: another cluster archives into the stanza, and what the primary archives is refused",
			segment))
	case slices.ContainsFunc(files, of):
		return nil
	}
	return errors.New("it is not listed")
}

// judge says what it means that waiting for a row ended like this. A late row is rpo_exceeded,
// whether it came or not; a run that was stopped, and a failure with a reason of its own, say
// nothing about the row.
func (a arrival) judge(waited error, stopped bool) (arrival, error) {
	_, known := reason.Of(waited)
	missing := arrival{limit: a.limit, timeout: a.timeout}
	switch {
	case waited == nil && a.delay <= a.limit:
		return a, nil
	case waited == nil:
		return a, reason.Errorf(reason.RPOExceeded,
			"a row was in the repository after %s; at most %s are allowed: "+
				"archive_timeout %s, and %s to push a segment",
			a.delay.Round(100*time.Millisecond), a.limit, a.timeout, pushTime)
	case stopped || known:
		return missing, waited
	}
	return missing, reason.Errorf(reason.RPOExceeded,
		"a row is not in the repository after %s; at most %s are allowed: "+
			"archive_timeout %s, and %s to push a segment: %w",
		a.delay.Round(time.Second), a.limit, a.timeout, pushTime, waited)
}
