package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// RefuseEnding takes from everybody but superusers, in every database that can be entered, the functions that end a
// session or what it is asked (PostgreSQL manual, 9.28.2): a function of the data that ends its own session is told
// from somebody outside who does.
func (s *Server) RefuseEnding(ctx context.Context) error {
	conn, err := s.Connect(ctx, "")
	if err != nil {
		return err
	}
	databases, err := enterable(ctx, conn)
	_ = conn.Close(ctx) // nothing was written
	for _, database := range databases {
		if err != nil {
			return err
		}
		if conn, err = s.Connect(ctx, database); err == nil {
			err = refuseEnding(ctx, conn)
			_ = conn.Close(ctx) // what was written is committed
		}
	}
	return err
}

func refuseEnding(ctx context.Context, conn *pgx.Conn) error {
	if err := AsStored(ctx, conn); err != nil {
		return err
	}
	refusals, err := statements(ctx, conn, `SELECT pg_catalog.format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC',
			p.oid::pg_catalog.regprocedure)
		FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
		AND p.proname IN ('pg_terminate_backend', 'pg_cancel_backend')`)
	if err != nil {
		return err
	}
	return change(ctx, conn, refusals)
}
