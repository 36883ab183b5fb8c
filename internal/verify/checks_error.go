package verify

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// SQLSTATEs that say more than "the query failed" (PostgreSQL manual, appendix A).
const (
	undefinedTable       = "42P01"
	undefinedDB          = "3D000"
	invalidParameter     = "22023"
	notInState           = "55000" // a foreign table, which is closed to checks, or a materialized view without data
	dataCorrupted        = "XX001"
	indexCorrupted       = "XX002"
	undefinedFile        = "58P01" // a file that the server expects, of a relation or a library
	internalError        = "XX"    // class: internal error, damaged data among them
	diskFull             = "53100"
	ioError              = "58030"
	resources            = "53"  // class: no memory, no connection left
	operatorIntervention = "57P" // part of a class: shut down, crashed, starting up
	queryCanceled        = "57014"
)

// elsewhere says whether a check may have looked for its table in the wrong place: it is not there, or a foreign table
// is.
func elsewhere(answer *pgconn.PgError) bool {
	return answer.Code == undefinedTable || answer.Code == undefinedDB || closedForeign(answer)
}

// errorOutcome turns an error into an outcome when the server answered with it; lost
// says that no connection is left. What the server did not say itself is returned
// as it is, for a caller who can look at the postmaster.
func (c Check) errorOutcome(ctx context.Context, connect Connect, err error, lost bool) (Outcome, error) {
	if wait.Over(ctx) {
		return Outcome{}, fmt.Errorf("check %s in database %s: %w", c.Name, c.Database, context.Cause(ctx))
	}
	answer, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case ok && stoppedFromOutside(answer), !ok && lost:
		return Outcome{}, fmt.Errorf("check %s in database %s: %w", c.Name, c.Database, err)
	case !ok:
		return c.failed(reason.SmokeQuery, "failed: "+excerpt(err.Error())), nil
	}
	if lost := entering(c.Database, err); lost != nil {
		return c.failed(reason.PageChecksum, "failed: "+excerpt(lost.Error())), nil
	}
	text := fmt.Sprintf("failed: %s (SQLSTATE %s)", excerpt(answer.Message), answer.Code)
	if table := c.wantedTable(answer.Message); table != "" && elsewhere(answer) {
		where, nowhere, ended := c.locateTable(ctx, connect, table, closedForeign(answer))
		switch text += "; " + where; {
		case c.assumed && ended != nil: // nobody knows then whether it is anywhere
			return Outcome{}, fmt.Errorf("check %s: %w", c.Name, ended)
		case c.assumed && nowhere:
			return c.unsaid(text), nil
		}
	}
	text += c.whoHolds(ctx, connect, answer) + rightsHint(answer)
	if missing := postgres.MissingLocale(err); missing != nil { // this machine lacks something, the data does not
		return c.failed(reason.ToolMissing, "failed: "+missing.Error()), nil //nolint:nilerr // it is the outcome
	}
	if postgres.LacksLibrary(answer) {
		return c.failed(reason.ToolMissing, text+"; "+postgres.LibraryHint(answer)), nil
	}
	why := codeReason(codeOf(answer))
	if lostFile(answer) {
		why = reason.PageChecksum
	}
	o := c.failed(why, text)
	if saysDamage(answer) {
		o.damage = deepCodeReason(answer)
	}
	return o, nil
}

// lostFile says whether the server missed a file of its own: of a relation (md.c), or of pg_xact and its kin (slru.c).
// The code alone may be that of a file that a function wanted.
func lostFile(answer *pgconn.PgError) bool {
	source := path.Base(answer.File)
	return answer.Code == undefinedFile && (source == "md.c" || source == "slru.c")
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

// texts collects the one text column of a query, in a session that is open already.
func texts(ctx context.Context, conn *pgx.Conn, query string, args ...any) ([]string, error) {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
