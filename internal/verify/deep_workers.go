package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// progressEvery is how often long work says how far it is.
const progressEvery = time.Second

// examineRelation looks at one relation in a session. What it finds is not an error; a note is
// what it could not do, and why.
type examineRelation func(ctx context.Context, conn *pgx.Conn, r relation) (found []Outcome, note string, err error)

// lockNotAvailable is the code of a lock that did not come in time. Nobody else is at work in a
// clone: a transaction that was prepared on the primary holds it, and will for ever.
const lockNotAvailable = "55P03"

// forEachRelation has workers look at relations, in order. Each worker keeps a session as long as
// the database stays the same. It ends with the first error that says nothing about
// the data.
func (d Deep) forEachRelation(ctx context.Context, workers int, what string, relations []relation,
	examine examineRelation,
) (e examination, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan relation)
	var mu sync.Mutex
	done, last := 0, time.Now()
	var notes []string
	report := func(found []Outcome, note string) {
		mu.Lock()
		defer mu.Unlock()
		e.findings = append(e.findings, found...)
		if note != "" {
			notes = append(notes, note)
		}
		done++
		if d.Told != nil && time.Since(last) > progressEvery {
			last = time.Now()
			d.Told(d.check, int64(done), int64(len(relations)), what)
		}
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			if err := d.worker(ctx, next, examine, report); err != nil {
				cancel(err)
			}
		})
	}
relations:
	for _, r := range relations {
		select {
		case next <- r:
		case <-ctx.Done():
			break relations
		}
	}
	close(next)
	group.Wait()
	e.notes = shortened(notes)
	if wait.Over(ctx) {
		e.examined = fmt.Sprintf("%d of %d %s", done, len(relations), what)
		return e, context.Cause(ctx)
	}
	e.examined = fmt.Sprintf("%d %s", len(relations), what)
	return e, nil
}

func (d Deep) worker(ctx context.Context, next <-chan relation, examine examineRelation,
	report func([]Outcome, string),
) error {
	var conn *pgx.Conn
	in := ""
	defer func() {
		if conn != nil {
			closeConn(ctx, conn)
		}
	}()
	for r := range next {
		if conn == nil || conn.IsClosed() || in != r.database {
			if conn != nil {
				closeConn(ctx, conn)
			}
			var err error
			if conn, err = d.writer(ctx, r.database); err != nil {
				return fmt.Errorf("database %s: %w", r.database, err)
			}
			in = r.database
		}
		found, note, err := examine(ctx, conn, r)
		if err != nil {
			return fmt.Errorf("%s in database %s: %w", r.name, r.database, err)
		}
		if strings.Contains(note, lockNotAvailable) {
			note += lockHolders(ctx, conn, r.oid)
		}
		report(found, note)
	}
	return nil
}

// writer is a session of the superuser that may write into the clone, without triggers, and in the encoding of its
// database: nothing is converted.
func (d Deep) writer(ctx context.Context, database string) (*pgx.Conn, error) {
	conn, err := d.Superuser.open(ctx, database)
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, "SET default_transaction_read_only = off; SET session_replication_role = replica")
	if err == nil {
		err = postgres.AsStored(ctx, conn)
	}
	if err != nil {
		closeConn(ctx, conn)
		return nil, err
	}
	return conn, nil
}

// serverError is what the server answered about one relation. What the server did not say, or
// says when it is going down, stays an error. An extension that must be preloaded ends the session (FATAL): that is
// an answer, and the next relation gets a session of its own.
func serverError(ctx context.Context, conn *pgx.Conn, err error) (*pgconn.PgError, error) {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if wait.Over(ctx) {
		return nil, context.Cause(ctx)
	}
	if !ok || conn.IsClosed() && !postgres.LacksLibrary(answer) || stoppedFromOutside(answer) {
		return nil, err
	}
	said := *answer
	said.Code = codeOf(answer)
	return &said, nil
}

// passedOver is what to say of an error that keeps a table from being asked something: nothing where it cannot be
// read, or is locked, since full_read says so; what this machine lacks is a finding.
func passedOver(ctx context.Context, conn *pgx.Conn, table relation, err error) ([]Outcome, error) {
	answer, ended := serverError(ctx, conn, err)
	switch {
	case ended != nil:
		return nil, ended
	case conn.IsClosed():
		return nil, err
	}
	return notLearned(table, answer), nil
}

// notLearned is the finding that nothing was learned of a relation for what this machine lacks: memory, room, or a disk
// that answers. No other answer makes one.
func notLearned(r relation, answer *pgconn.PgError) []Outcome {
	why := codeReason(codeOf(answer))
	if why.Exit() == reason.ExitFailed {
		return nil
	}
	return []Outcome{relationFinding(r, answer, why, "")}
}

// relationFinding makes a finding of what the server answered.
func relationFinding(r relation, answer *pgconn.PgError, why reason.Reason, next string) Outcome {
	text := fmt.Sprintf("%s %s in database %s: %s (SQLSTATE %s)", kinds[r.kind], r.name, r.database,
		excerpt(answer.Message), answer.Code)
	if next != "" {
		text += "; " + next
	}
	return finding(why, text)
}

// notLookedAt is what an answer that tells of no damage says of a relation: a note that it could not be looked at, or
// what notLearned finds.
func notLookedAt(r relation, answer *pgconn.PgError) (found []Outcome, note string) {
	if found = notLearned(r, answer); found != nil {
		return found, ""
	}
	return nil, fmt.Sprintf("%s could not be looked at: %s (SQLSTATE %s)", r.title(), excerpt(answer.Message),
		answer.Code)
}

// shortened keeps a long list readable.
func shortened(notes []string) []string {
	const most = 5
	if len(notes) <= most {
		return notes
	}
	return append(notes[:most:most], fmt.Sprintf("... and %d more like these", len(notes)-most))
}
