package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
)

// Run asks every check, also when an earlier one failed, each over a connection
// and in a read-only transaction of its own. now is the moment ages are measured
// from: the end of recovery.
//
// No checks at all is an error with reason smoke_query. An error without a reason
// means that the server could not be asked (connection refused or lost, or ctx has
// ended: then it wraps context.Cause) and says nothing about the data; the
// outcomes before it stand.
func Run(ctx context.Context, connect Connect, checks []Check, now time.Time) ([]Outcome, error) {
	if len(checks) == 0 {
		return nil, reason.Errorf(reason.SmokeQuery, "there is no check to run, so nothing would be proved")
	}
	outcomes := make([]Outcome, 0, len(checks))
	for _, check := range checks {
		outcome, err := check.run(ctx, connect, now)
		if err != nil {
			return outcomes, err
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes, nil
}

// run gives an outcome whenever the server answered, be it with an error.
func (c Check) run(ctx context.Context, connect Connect, now time.Time) (Outcome, error) {
	conn, err := connect.openToAsk(ctx, c.Database)
	if err != nil {
		return c.setUpOutcome(ctx, connect, err)
	}
	defer closeConn(ctx, conn)
	v, problem, err := c.queryValue(ctx, conn)
	if err != nil {
		return c.errorOutcome(ctx, connect, err, conn.IsClosed())
	}
	if problem != "" {
		return c.failed(reason.SmokeQuery, "returned "+problem+", expected "+c.Expect.String()), nil
	}
	r, detail := c.Expect.judge(v, now)
	text := fmt.Sprintf("returned %s, expected %s", v, c.Expect)
	if detail != "" {
		text += "; " + detail
	}
	if r != reason.None {
		o := c.failed(r, text+unloggedNote(ctx, conn, c.Query))
		o.Value, o.Numeric = v.float()
		return o, nil
	}
	return c.passed(v, text), nil
}

// unloggedNote says when a query that found too little asks an unlogged table. It serves a
// failure that is reported anyway: what goes wrong here is not reported.
func unloggedNote(ctx context.Context, conn *pgx.Conn, query string) string {
	var table string
	if _, err := conn.Exec(ctx, ownNames); err != nil {
		return ""
	}
	if conn.QueryRow(ctx, `SELECT oid::regclass FROM pg_catalog.pg_class WHERE relkind = 'r' AND relpersistence = 'u'
		AND $1 ~* (E'\\m' || regexp_replace(relname, E'\\W', E'\\\\\\&', 'g') || E'\\M') LIMIT 1`, query).
		Scan(&table) != nil {
		return ""
	}
	return fmt.Sprintf("; table %s is UNLOGGED: its rows are never in a backup", table)
}

// openToAsk connects for the query of a check, and keeps that from rows that never were in a backup. The setting is in
// every minor release since August 2024; elsewhere this does nothing.
func (connect Connect) openToAsk(ctx context.Context, database string) (*pgx.Conn, error) {
	conn, err := connect.openAsItIs(ctx, database)
	if err != nil {
		return nil, err
	}
	if err = postgres.SetIfKnown(ctx, conn, "restrict_nonsystem_relation_kind", "foreign-table"); err != nil {
		closeConn(ctx, conn)
		return nil, err
	}
	return conn, nil
}

// setUpOutcome is the outcome of a check whose session did not come about. The checks after it are asked all the same:
// other databases may let the drill in, and have lost something.
func (c Check) setUpOutcome(ctx context.Context, connect Connect, err error) (Outcome, error) {
	if refusedOurs(err) {
		return c.failed(reason.SandboxFailed, "was not asked: "+notReady+excerpt(err.Error())), nil
	}
	return c.errorOutcome(ctx, connect, err, true)
}

const notReady = "the drill's own session cannot be made ready there: "

// refusedOurs says whether an error is the server's, which let a session in, and then refused to set it up: that is the
// drill's own, and no word on the data, unless it tells of damage or of this machine.
func refusedOurs(err error) bool {
	answer, said := errors.AsType[*pgconn.PgError](err)
	_, kept := errors.AsType[*pgconn.ConnectError](err)
	_, known := reason.Of(err)
	return said && !kept && !known && !stoppedFromOutside(answer) && !lostFile(answer) &&
		!postgres.LacksLibrary(answer) && codeReason(codeOf(answer)) == reason.SmokeQuery
}

// queryValue runs the query. problem says what was wrong with a result that came.
func (c Check) queryValue(ctx context.Context, conn *pgx.Conn) (v value, problem string, err error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return value{}, "", err
	}
	// The extended protocol takes a single statement: none can end the transaction and go on.
	query, stop := context.WithCancel(ctx)
	defer stop()
	rows, err := tx.Query(query, c.Query, pgx.QueryExecModeDescribeExec,
		pgx.QueryResultFormatsByOID{pgtype.TimestamptzOID: pgx.BinaryFormatCode})
	if err != nil {
		return value{}, "", err
	}
	defer rows.Close()
	v, problem = singleValue(rows)
	if problem == tooManyRows {
		stop() // the rest may be long, and is of no interest
		return value{}, problem, nil
	}
	rows.Close()
	return v, problem, rows.Err()
}

const tooManyRows = "more than one row"

// singleValue reads the one row of one column a check must return.
func singleValue(rows pgx.Rows) (v value, problem string) {
	if n := len(rows.FieldDescriptions()); n != 1 {
		return value{}, fmt.Sprintf("%d columns where one is needed", n)
	}
	if !rows.Next() {
		return value{}, "no row"
	}
	if raw := rows.RawValues()[0]; raw == nil {
		problem = "NULL"
	} else if got, err := newValue(rows.FieldDescriptions()[0].DataTypeOID, raw); err != nil {
		problem = err.Error()
	} else {
		v = got
	}
	if rows.Next() {
		return value{}, tooManyRows
	}
	return v, problem
}
