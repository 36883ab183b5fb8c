package verify

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/postgres"
)

// raisedByData is the code of an error that the data's own function raised, which may give it
// any (RAISE ... USING ERRCODE): none of them says anything about the server.
const raisedByData = "P0001"

// codeOf is the SQLSTATE of an error, where the server itself gave it. A disk that failed has that of an I/O error,
// whatever the kernel called it: PostgreSQL takes some for damage, or for a right that is lacking.
func codeOf(answer *pgconn.PgError) string {
	switch {
	case postgres.RaisedByData(answer):
		return raisedByData
	case postgres.DiskFailed(answer):
		return ioError
	}
	return answer.Code
}

// PostmasterGone says whether a session was ended because the postmaster is gone, which is
// killed from outside: it ends its sessions before itself.
func PostmasterGone(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && codeOf(answer) == "57P01" && strings.Contains(answer.Message, "unexpected postmaster exit")
}

// Codes of what a role that may only read is refused.
const (
	notPermitted = "42501"
	readOnly     = "25006"
	noPassword   = "2F003" // dblink and postgres_fdw, for anybody but a superuser

	connectionFailed = "08" // class: a function tried to connect elsewhere
)

// notAllowed says whether an error is about a lock, a right, or what a function of the data said:
// then nothing was learned about the data.
func notAllowed(answer *pgconn.PgError) bool {
	switch codeOf(answer) {
	case lockNotAvailable, notPermitted, readOnly, raisedByData:
		return true
	}
	return false
}

// whyNot is such an error in a note.
func whyNot(ctx context.Context, conn *pgx.Conn, answer *pgconn.PgError) string {
	text := fmt.Sprintf("%s (SQLSTATE %s)", excerpt(answer.Message), answer.Code)
	if codeOf(answer) == lockNotAvailable {
		text += lockHolders(ctx, conn, 0)
	}
	return text
}

// closedForeign says whether an error is that of a foreign table: the drill closes them. Others have its code too.
func closedForeign(answer *pgconn.PgError) bool {
	return strings.Contains(answer.Message, "foreign table is restricted") ||
		codeOf(answer) == notInState && strings.Contains(answer.Message, "has no handler")
}

// notPopulated is the error of a materialized view without data (execMain.c).
var notPopulated = regexp.MustCompile(`^materialized view ".+" has not been populated$`)

// rightsHint says what an error of a missing right, or of what holds no rows to read, means, and what to do; "" for any
// other.
func rightsHint(answer *pgconn.PgError) string {
	const role = "; checks run as a role of the drill's own that may only read (pg_read_all_data), " +
		"so that nothing in the data can reach out of the clone: "
	switch code := codeOf(answer); {
	case code == notPermitted && strings.Contains(answer.Message, "function"):
		return role + "ask the tables, or GRANT EXECUTE ON FUNCTION ... TO PUBLIC in production"
	case code == notPermitted:
		return role + "ask what needs no more than that"
	case code == readOnly:
		return role + "ask what writes nothing"
	case code == noPassword:
		return role + "rows of another cluster never were in this backup"
	case strings.HasPrefix(code, connectionFailed):
		return "; the restored server connects to nobody: rows of another cluster never were in this backup"
	case code == notInState && notPopulated.MatchString(answer.Message):
		return "; it was made, or refreshed, WITH NO DATA: REFRESH MATERIALIZED VIEW in production, or ask its tables"
	case closedForeign(answer):
		return "; a foreign table is not asked: its rows are elsewhere, and never were in this backup"
	}
	return ""
}
