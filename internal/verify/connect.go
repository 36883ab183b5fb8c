package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Connect opens a connection to one database of the restored cluster. What asks the data is
// handed one that connects as a role that may only read: the data's functions and views run
// in that session. Only what nobody else may do is handed the superuser's.
type Connect func(ctx context.Context, database string) (*pgx.Conn, error)

const (
	// lockTimeout is how long a session waits for a lock. Nobody else is at work in a clone: what is
	// not free within that is held by a prepared transaction.
	lockTimeout = "2s"
	// statementGrace is how long after the end of the run the server itself ends a statement
	// whose session it does not know to be gone. The run says before that what cut it.
	statementGrace = 2 * time.Second
)

// ownNames has what the drill asks mean the catalogs' functions and operators, whatever search_path the data
// brings: a function of the data that fits the arguments better goes before them, also from behind pg_catalog
// (PostgreSQL manual, 10.3), such as a format(text, VARIADIC text[]) from before 9.1.
const ownNames = "SET search_path = pg_catalog, pg_temp"

// ownSession keeps the planner as well from what the drill asks the data for nothing: a CHECK constraint, which it
// would evaluate, with the rights of the session, where the data sets constraint_exclusion = on.
const ownSession = ownNames + "; SET constraint_exclusion = off"

// open connects for what the drill itself asks.
func (connect Connect) open(ctx context.Context, database string) (*pgx.Conn, error) {
	conn, err := connect.openAsItIs(ctx, database)
	if err != nil {
		return nil, err
	}
	if _, err = conn.Exec(ctx, ownSession); err != nil {
		closeConn(ctx, conn)
		return nil, err
	}
	return conn, nil
}

// openAsItIs connects with the search_path that the data brings, for what somebody else asks, and bounds what a
// statement may take: a database or its role may have set bounds of their own, or none.
func (connect Connect) openAsItIs(ctx context.Context, database string) (*pgx.Conn, error) {
	conn, err := connect(ctx, database)
	if err != nil {
		return nil, err
	}
	bound := time.Duration(0) // none
	if deadline, ok := ctx.Deadline(); ok {
		bound = max(time.Until(deadline), 0) + statementGrace
	}
	const most = 24 * 24 * time.Hour // the setting is a whole number of milliseconds of 31 bits
	_, err = conn.Exec(ctx, fmt.Sprintf("SET statement_timeout = %d; SET lock_timeout = '%s'",
		min(bound, most).Milliseconds(), lockTimeout))
	if err != nil {
		closeConn(ctx, conn)
		return nil, err
	}
	return conn, nil
}

// openWithPath connects as open does, and says which search_path the data brings, for setPath: RESET would bring back
// that of the login, without what ConnectReader set for it.
func (connect Connect) openWithPath(ctx context.Context, database string) (conn *pgx.Conn, path string, err error) {
	if conn, err = connect.openAsItIs(ctx, database); err != nil {
		return nil, "", err
	}
	if err = conn.QueryRow(ctx, "SHOW search_path").Scan(&path); err == nil {
		_, err = conn.Exec(ctx, ownSession)
	}
	if err != nil {
		closeConn(ctx, conn)
		return nil, "", err
	}
	return conn, path, nil
}

// setPath sets what openWithPath said.
func setPath(ctx context.Context, conn *pgx.Conn, path string) error {
	_, err := conn.Exec(ctx, "SELECT pg_catalog.set_config('search_path', $1, false)", path)
	return err
}

// closeConn closes a connection even after ctx has ended.
func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = conn.Close(ctx) // nothing was written
}
