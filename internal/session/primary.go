package session

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// Primary opens a connection to the cluster that is backed up: the seeded one, else that of
// -primary; nil when none is named.
func (s Session) Primary(ctx context.Context) (*pgx.Conn, error) {
	switch {
	case s.Seeded != nil:
		conn, err := s.Seeded.Connect(ctx)
		return conn, reason.Wrap(reason.SandboxFailed, err)
	case s.Settings.Primary != "":
		return postgres.Primary(ctx, s.Settings.Primary)
	}
	return nil, nil
}

// Unanswered is a question the primary did not answer: it says nothing about the backups.
func (s Session) Unanswered(err error) error {
	if s.Seeded != nil {
		return reason.Wrap(reason.SandboxFailed, fmt.Errorf("ask the seeded cluster: %w", err))
	}
	return reason.Errorf(reason.ConfigInvalid, "-primary does not answer; its role needs pg_monitor: %s",
		pgbackrest.Printable(err.Error()))
}

// CheckArchiveEnd compares the end of the listed archive with the file that the primary says
// it archived last: a segment that is missing at the very end is seen in no listing. A last
// file that is no segment (none yet, a history or a backup file) proves nothing and is passed.
func CheckArchiveEnd(archived string, last wal.Entry, segmentSize uint64) error {
	if !wal.IsSegment(archived) {
		return nil
	}
	segment, err := wal.ParseSegment(archived, segmentSize)
	if err != nil {
		return reason.Errorf(reason.ConfigInvalid,
			"the primary archived %q: does -primary name the primary of this stanza? %w", archived, err)
	}
	if segment.Timeline > last.Timeline || segment.Number > last.Number {
		return reason.Errorf(reason.WALMissing, "the primary says it archived %s, but the archive ends at %s", archived,
			last.Name)
	}
	return nil
}
