package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// takenFunctions are statements that give a role the functions of the catalogs which initdb gives to everybody, and
// this database took away (REVOKE EXECUTE ... FROM PUBLIC): the drill's own questions, and the views that a check asks,
// are made of them. What initdb itself keeps for a few is in pg_init_privs, and stays theirs; so do those that
// RefuseEnding takes.
const takenFunctions = `SELECT pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::pg_catalog.regprocedure,
		$1::text)
	FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND p.oid < 16384
		AND p.proacl IS NOT NULL AND NOT pg_catalog.has_function_privilege($1::name, p.oid, 'EXECUTE')
		AND p.proname NOT IN ('pg_terminate_backend', 'pg_cancel_backend')
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_init_privs i
			WHERE i.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND i.objoid = p.oid)`

// eventTriggersOff are statements that keep event triggers of the data from firing, where there may be no plpgsql.
const eventTriggersOff = `SELECT pg_catalog.format('ALTER EVENT TRIGGER %I DISABLE', evtname)
	FROM pg_catalog.pg_event_trigger`

// letCall lets a role call what everybody may in a database as initdb makes it, in a session of the superuser.
func letCall(ctx context.Context, conn *pgx.Conn, role string) error {
	grants, err := statements(ctx, conn, takenFunctions, role)
	if err != nil {
		return err
	}
	return change(ctx, conn, grants)
}

// change changes definitions of the data for the rest of the run, in a session of the superuser, once its event
// triggers do not fire any more: they could refuse it, or do something of their own.
func change(ctx context.Context, conn *pgx.Conn, changes []string) error {
	if len(changes) == 0 {
		return nil
	}
	off, err := statements(ctx, conn, eventTriggersOff)
	if err != nil {
		return err
	}
	return unlessLocked(ctx, conn, "BEGIN READ WRITE; "+strings.Join(append(off, changes...), "; ")+"; COMMIT")
}

// statements are those that a query makes, of names as they are stored: a DO block would need plpgsql, which a database
// may not have.
func statements(ctx context.Context, conn *pgx.Conn, query string, args ...any) ([]string, error) {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// unlessLocked runs a transaction, and leaves out what is locked by one that was prepared.
func unlessLocked(ctx context.Context, conn *pgx.Conn, transaction string) error {
	_, err := conn.Exec(ctx, transaction)
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "55P03" { // lock_not_available
		_, err = conn.Exec(ctx, "ROLLBACK")
	}
	return err
}
