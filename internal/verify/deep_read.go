package verify

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
)

// noBinary is the code of a type that has no binary form, such as aclitem.
const noBinary = "42883"

// fullRead reads every row of every table on the server, with what is stored out of line:
// COPY in binary form is the cheapest that does (facts H).
func (d Deep) fullRead(ctx context.Context, s survey) (examination, error) {
	tables := s.of(func(r relation) bool { return r.kind == "r" || r.kind == "m" })
	var size int64
	for _, r := range tables {
		size += r.size
	}
	e, err := d.forEachRelation(ctx, s.workers(d.Workers), "tables", tables, d.readTable)
	e.examined += fmt.Sprintf(" (%.1f MB without TOAST) in %d databases", float64(size)/1e6, len(s.databases))
	return e, err
}

// readTable reads one table. The table itself is copied, not a query on it: planning one
// evaluates the expressions of its indexes, which may fail for reasons of their own. What COPY
// leaves out of a table (stored generated columns) and cannot copy as such (materialized
// views, rows of more than 1 GB) is read by queries; only damage counts there. They run as the role
// that may only read, since their planner evaluates functions of the data.
func (d Deep) readTable(ctx context.Context, conn *pgx.Conn, r relation) (found []Outcome, note string, err error) {
	var answer *pgconn.PgError
	if r.kind == "r" {
		answer, err = copyOut(ctx, conn, r.name)
		switch {
		case err != nil, answer == nil && r.generated == "":
			return nil, "", err
		case answer != nil && !tooLarge(answer): // of the row, or of a value that is no value
			found, note = copyFailed(r, answer, false)
			return found, note, nil
		}
	}
	reader, err := d.Connect.open(ctx, r.database)
	if err != nil {
		return nil, "", err
	}
	defer closeConn(ctx, reader)
	if err = postgres.AsStored(ctx, reader); err != nil {
		return nil, "", err
	}
	if answer == nil {
		answer, err = copyOut(ctx, reader, fmt.Sprintf("(SELECT %s FROM ONLY %s)", r.generated, r.name))
		if err != nil || answer == nil {
			return nil, "", err
		}
	}
	if tooLarge(answer) {
		return readByColumns(ctx, reader, r, answer)
	}
	found, note = copyFailed(r, answer, true)
	return found, note, nil
}

// copyTo reads a table as the superuser, on the server, or a query in parentheses as anybody.
func copyTo(ctx context.Context, conn *pgx.Conn, source, options string) error {
	if !strings.HasPrefix(source, "(") {
		_, err := conn.Exec(ctx, "COPY "+source+" TO '/dev/null'"+options)
		return err
	}
	_, err := conn.PgConn().CopyTo(ctx, io.Discard, "COPY "+source+" TO STDOUT"+options)
	return err
}

// copyOut reads a table, or a query in parentheses, by COPY: in text where a type has no binary form. It returns what
// the server said when it could not; nil is all read.
func copyOut(ctx context.Context, conn *pgx.Conn, source string) (*pgconn.PgError, error) {
	err := copyTo(ctx, conn, source, " (FORMAT binary)")
	if err == nil {
		return nil, nil
	}
	answer, err := serverError(ctx, conn, err)
	if err != nil || answer.Code != noBinary {
		return answer, err
	}
	if err = copyTo(ctx, conn, source, ""); err == nil {
		return nil, nil
	}
	return serverError(ctx, conn, err)
}

// copyFailed is what the server's answer says of a table, or of a query on it. An error that is no damage is a
// note: any error of a query that is not internal, nor for want of memory or room, and a lock that did not come. Any
// other error of a table itself is a finding.
func copyFailed(r relation, answer *pgconn.PgError, query bool) (found []Outcome, note string) {
	switch {
	case postgres.LacksLibrary(answer): // of a type
		return []Outcome{relationFinding(r, answer, reason.ToolMissing, postgres.LibraryHint(answer))}, ""
	case answer.Code == lockNotAvailable, query && !saysDamage(answer):
		return notLookedAt(r, answer)
	}
	return []Outcome{relationFinding(r, answer, deepCodeReason(answer), "")}, ""
}
