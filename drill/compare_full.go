package drill

import (
	"context"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
)

// ranFull is disk_space where the disk of a clone ran full while it was asked, and sandbox_failed where it failed. A
// server that finds no room for its shared memory, which lies beside the data, may answer as if its files were damaged
// (XX000, an internal error): what differs then proves nothing.
func ranFull(ctx context.Context, server *postgres.Server) error {
	log, err := server.ReadLog(ctx)
	if err != nil {
		return err
	}
	if log.Full == "" {
		return log.DiskError()
	}
	return reason.Errorf(reason.DiskSpace, "the disk of the sandbox ran full meanwhile (%s)",
		pgbackrest.Printable(log.Full))
}
