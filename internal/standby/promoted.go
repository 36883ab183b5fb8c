package standby

import (
	"context"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/compare"
)

// orPromoted is the error of a round, or that the server was promoted meanwhile: then it is no standby any more,
// whatever ended the round. With target_session_attrs=standby that is a connection that is refused.
func (s *Standby) orPromoted(ctx context.Context, err error) error {
	if err == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTime)
	defer cancel()
	config := s.config.Copy()
	config.ValidateConnect = nil
	conn, failed := pgx.ConnectConfig(ctx, config)
	if failed != nil {
		return err
	}
	defer compare.CloseNow(ctx, conn)
	recovering := true
	if failed = conn.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&recovering); failed != nil || recovering {
		return err
	}
	return unusable("it was promoted while it was asked")
}
