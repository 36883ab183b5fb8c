package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/reason"
)

// SQLSTATEs that say more than "the query failed" (PostgreSQL manual, appendix A).
const (
	undefinedTable       = "42P01"
	undefinedDB          = "3D000"
	dataCorrupted        = "XX001"
	indexCorrupted       = "XX002"
	internalError        = "XX" // class: internal error, damaged data among them
	diskFull             = "53100"
	ioError              = "58030"
	resources            = "53"  // class: no memory, no connection left
	operatorIntervention = "57P" // class: shut down, crashed, starting up
)

// missingLocale is how PostgreSQL refuses a database whose locale is not installed.
const missingLocale = "database locale is incompatible with operating system"

// errorOutcome turns an error into an outcome when the server answered with it; lost
// says that no connection is left. What the server did not say itself is returned
// as it is, for a caller who can look at the postmaster.
func (c Check) errorOutcome(ctx context.Context, connect Connect, err error, lost bool) (Outcome, error) {
	if ctx.Err() != nil {
		return Outcome{}, fmt.Errorf("check %s in database %s: %w", c.Name, c.Database, context.Cause(ctx))
	}
	answer, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case ok && strings.HasPrefix(codeOf(answer), operatorIntervention), !ok && lost:
		return Outcome{}, fmt.Errorf("check %s in database %s: %w", c.Name, c.Database, err)
	case !ok:
		return c.failed(reason.SmokeQuery, "failed: "+excerpt(err.Error())), nil
	}
	text := fmt.Sprintf("failed: %s (SQLSTATE %s)", excerpt(answer.Message), answer.Code)
	if c.table != "" && (answer.Code == undefinedTable || answer.Code == undefinedDB) {
		text += "; " + locateTable(ctx, connect, c.table)
	}
	text += c.whoHolds(ctx, connect, answer) + rightsHint(answer)
	if strings.Contains(answer.Message, missingLocale) { // this machine lacks something, the data does not
		return c.failed(reason.ToolMissing, text+": install its locale here; "+excerpt(answer.Detail)), nil
	}
	return c.failed(codeReason(codeOf(answer)), text), nil
}

// whoHolds names who holds the lock that a check did not get; "" when it wanted none.
func (c Check) whoHolds(ctx context.Context, connect Connect, answer *pgconn.PgError) string {
	if codeOf(answer) != lockNotAvailable {
		return ""
	}
	conn, err := connect.open(ctx, c.Database)
	if err != nil { // a sentence that is said anyway
		return ""
	}
	defer closeConn(ctx, conn)
	return lockHolders(ctx, conn, 0)
}

// codeReason is what an error code of the server says about the restored data.
func codeReason(code string) reason.Reason {
	switch {
	case code == dataCorrupted:
		return reason.PageChecksum
	case code == indexCorrupted:
		return reason.IndexCorrupt
	case code == diskFull:
		return reason.DiskSpace
	case code == ioError, strings.HasPrefix(code, resources):
		return reason.SandboxFailed
	default:
		return reason.SmokeQuery
	}
}

// locateTable is the sentence that names every database with a table of this name. It
// serves a failure that is reported anyway, so its own errors are only mentioned.
func locateTable(ctx context.Context, connect Connect, table string) string {
	databases, err := Databases(ctx, connect)
	if err != nil {
		return "the databases could not be listed: " + excerpt(err.Error())
	}
	var found, unanswered []string
	for _, database := range databases {
		schemas, err := textsIn(ctx, connect, database,
			`SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			  WHERE c.relname = $1 AND c.relkind IN ('r', 'p') ORDER BY 1`, table)
		if err != nil {
			unanswered = append(unanswered, database)
		}
		for _, schema := range schemas {
			found = append(found, fmt.Sprintf("%s (schema %s)", database, schema))
		}
	}
	text := fmt.Sprintf("no database has a table %s", table)
	if len(found) > 0 {
		text = fmt.Sprintf("databases that have a table %s: %s; name one with -database", table,
			strings.Join(found, ", "))
	}
	if len(unanswered) > 0 {
		text += "; not answering: " + strings.Join(unanswered, ", ")
	}
	return text
}

// textsIn collects the one text column of a query, in a session of its own.
func textsIn(ctx context.Context, connect Connect, database, query string, args ...any) ([]string, error) {
	conn, err := connect.open(ctx, database)
	if err != nil {
		return nil, err
	}
	defer closeConn(ctx, conn)
	return texts(ctx, conn, query, args...)
}

// texts collects the one text column of a query, in a session that is open already.
func texts(ctx context.Context, conn *pgx.Conn, query string, args ...any) ([]string, error) {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
