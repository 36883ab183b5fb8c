package postgres

import (
	"context"
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
			_, err = conn.Exec(ctx, refuseEnding)
			_ = conn.Close(ctx) // what was written is committed
		}
	}
	return err
}

const refuseEnding = `
	BEGIN READ WRITE;
	DO $$
	DECLARE name text;
	BEGIN` + disableEventTriggers + `
		FOR name IN SELECT p.oid::pg_catalog.regprocedure::text FROM pg_catalog.pg_proc p
			WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
			AND p.proname IN ('pg_terminate_backend', 'pg_cancel_backend')
		LOOP
			EXECUTE 'REVOKE EXECUTE ON FUNCTION ' || name || ' FROM PUBLIC';
		END LOOP;
	END $$;
	COMMIT`
