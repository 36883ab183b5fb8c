package repository

import (
	"context"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/wal"
)

// OwnSegments are the WAL segments that a backup set holds itself (archive-copy=y), by its manifest.
func (c Client) OwnSegments(
	ctx context.Context, set pgbackrest.Backup, size uint64,
) (map[wal.Segment]time.Time, error) {
	content, err := c.Pgbackrest.Get(ctx, "backup/"+c.Stanza+"/"+set.Label+"/backup.manifest")
	if err != nil {
		return nil, err
	}
	return pgbackrest.OwnSegments(content, size, set.Stopped()), nil
}

// Manifest is that of a backup set.
func (c Client) Manifest(ctx context.Context, set pgbackrest.Backup) (pgbackrest.Manifest, error) {
	content, err := c.Pgbackrest.Get(ctx, "backup/"+c.Stanza+"/"+set.Label+"/backup.manifest")
	if err != nil {
		return pgbackrest.Manifest{}, err
	}
	return pgbackrest.ParseManifest(content)
}
