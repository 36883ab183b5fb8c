package verify

import (
	"context"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
)

// Isolated asserts by SQL that the cluster cannot reach production: it does not
// archive (facts A7) and follows nobody. The reason of a failure is isolation_breached.
func Isolated(ctx context.Context, conn *pgx.Conn) error {
	for setting, want := range map[string]string{
		"archive_mode": "off", "archive_command": "(disabled)", "primary_conninfo": "", "listen_addresses": "",
		"max_logical_replication_workers": "0",
	} {
		var got string
		if err := conn.QueryRow(ctx, "SELECT current_setting($1)", setting).Scan(&got); err != nil {
			return err
		}
		if setting == "archive_command" && got == "" {
			continue
		}
		if got != want {
			return reason.Errorf(reason.IsolationBreached, "%s is %q in the restored cluster, not %q", setting, got, want)
		}
	}
	return nil
}
