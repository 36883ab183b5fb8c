package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
)

// Primary opens a session on production's primary by a libpq string, the PG... variables
// of this process included. What keeps it from coming about is config_invalid.
func Primary(ctx context.Context, libpq string) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, libpq)
	if err != nil {
		return nil, reason.Errorf(reason.ConfigInvalid,
			"-primary: cannot connect; is it up, and is the password in a passfile or service file? %s",
			strings.Join(strings.Fields(err.Error()), " "))
	}
	return conn, nil
}
