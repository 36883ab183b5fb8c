package repository

import (
	"context"
	"errors"
	"fmt"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// Manifest reads a set's manifest, or its copy, as restore does: then flawed is what is wrong with the first. When
// neither is well, the error wraps pgbackrest.ErrManifest; another says that the repository did not answer.
func (c Client) Manifest(ctx context.Context, label string) (m pgbackrest.Manifest, flawed, err error) {
	for _, name := range []string{"backup.manifest", "backup.manifest.copy"} {
		content, err := c.Pgbackrest.GetLarge(ctx, "backup/"+c.Stanza+"/"+label+"/"+name)
		switch {
		case errors.Is(err, pgbackrest.ErrNoFile), pgbackrest.Damaged(err):
			err = fmt.Errorf("%w: %w", pgbackrest.ErrManifest, err)
		case err != nil:
			return m, nil, reason.Wrap(reason.RepoUnreachable, err)
		default:
			if m, err = pgbackrest.ParseManifest(content); err == nil && m.Label != label {
				err = fmt.Errorf("%w: it is that of %s", pgbackrest.ErrManifest, m.Label)
			}
		}
		if err == nil {
			return m, flawed, nil
		}
		if flawed == nil {
			flawed = err
		}
	}
	return m, nil, flawed
}

// OwnSegments are the WAL segments that a backup set holds itself (archive-copy=y), by its manifest.
func (c Client) OwnSegments(
	ctx context.Context, set pgbackrest.Backup, size uint64,
) (map[wal.Segment]time.Time, error) {
	m, _, err := c.Manifest(ctx, set.Label)
	if err != nil {
		return nil, err
	}
	return m.OwnSegments(size, set.Stopped()), nil
}
