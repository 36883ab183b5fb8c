package session

import (
	"context"
	"fmt"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/versions"
)

// CheckReads is nil when pgBackRest of that version on a host reads a backup of a major version of
// PostgreSQL: an older one than made it may not. What it then cannot read is no damage.
func CheckReads(h host.Host, version string, set pgbackrest.Backup, major string) error {
	if !versions.Older(version, set.Backrest.Version) {
		return nil
	}
	return reason.Errorf(reason.VersionMismatch,
		"backup %s was made by pgBackRest %s, and %s has %s, an older one that may not read it: %s",
		set.Label, set.Backrest.Version, host.Place(h), version, host.Remedy(h, major, "pgbackrest"))
}

// FindServer finds the server that a backup is restored with on a host, whose pgBackRest is of the given
// version. When both are of another version, one sentence says so. Errors are version_mismatch and
// tool_missing.
func FindServer(
	ctx context.Context, h host.Host, version string, set pgbackrest.Backup, major string,
) (postgres.Installation, error) {
	old := CheckReads(h, version, set, major)
	found, err := postgres.Find(ctx, h, major)
	if why, _ := reason.Of(err); old != nil && why == reason.VersionMismatch {
		return found, fmt.Errorf("%w; and pgBackRest %s made it, where %s is there", err,
			set.Backrest.Version, version)
	}
	if old != nil {
		return found, old
	}
	return found, err
}
