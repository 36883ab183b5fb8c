package verify

import (
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// SessionEnded says whether an error tells no more than that a session ended, did not come about, or was
// told to stop from outside: then nothing was learned about the data, unless the server log says that what
// the session read made it crash.
func SessionEnded(err error) bool {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return stoppedFromOutside(answer)
	}
	_, network := errors.AsType[net.Error](err)
	_, refused := errors.AsType[*pgconn.ConnectError](err)
	return network || refused || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// stoppedFromOutside says whether the server gave up a session, or what it was asked, because of a signal or
// of another process, whatever the question was (PostgreSQL manual, appendix A): it is shut down, starts,
// recovers from a crash, or was told to end or to cancel this. A lock or a statement of the drill's own that
// took too long has another code, or ends with the run.
func stoppedFromOutside(answer *pgconn.PgError) bool {
	code := codeOf(answer)
	return strings.HasPrefix(code, operatorIntervention) || code == queryCanceled
}

// ToldToEnd says whether the server itself answered that a session, or what it was asked, was ended from outside: by a
// signal, or by a function that sends one.
func ToldToEnd(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && stoppedFromOutside(answer)
}
