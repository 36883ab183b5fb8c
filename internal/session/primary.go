package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

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

// noPrivilege is the code of a question that a role may not ask.
const noPrivilege = "42501"

// SystemID is the identifier of a cluster, in decimal, as pgbackrest info writes it; "" where its
// owner lets nobody ask.
func SystemID(ctx context.Context, conn *pgx.Conn) (string, error) {
	var id int64 // of 64 bits without a sign
	err := conn.QueryRow(ctx, "SELECT system_identifier FROM pg_catalog.pg_control_system()").Scan(&id)
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok && answer.Code == noPrivilege {
		return "", nil
	}
	return strconv.FormatUint(uint64(id), 10), err
}

// KnowsCluster says whether the cluster that -primary names is one the stanza is or was of. What
// another one says of its archive is no word on this one.
func (s Session) KnowsCluster(id string, info pgbackrest.Stanza) error {
	var known []string
	for _, db := range info.DB {
		if db.RepoKey == s.Settings.Repo {
			known = append(known, strconv.FormatUint(db.SystemID, 10))
		}
	}
	if id == "" || len(known) == 0 || slices.Contains(known, id) {
		return nil
	}
	return reason.Errorf(reason.ConfigInvalid,
		"-primary names the cluster with system identifier %s, and stanza %s is of %s: name the primary of this "+
			"stanza; if it is, the cluster was made anew and nothing of it is backed up "+
			"(pgbackrest stanza-upgrade, then a full backup)", id, s.Stanza(), strings.Join(known, ", "))
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
// it archived last: no listing shows that a segment is missing at the very end, or which of two
// timelines is production's. A last file that is no segment (none yet, a history or a backup file)
// proves nothing and is passed.
func CheckArchiveEnd(archived string, chain wal.Chain, segmentSize uint64) error {
	if !wal.IsSegment(archived) {
		return nil
	}
	segment, err := wal.ParseSegment(archived, segmentSize)
	if err != nil {
		return reason.Errorf(reason.ConfigInvalid,
			"the primary archived %q: does -primary name the primary of this stanza? %w", archived, err)
	}
	if err = chain.Primary(segment, segmentSize); err != nil {
		return err
	}
	last := chain.Last()
	if segment.Timeline > last.Timeline || segment.Number > last.Number {
		return reason.Errorf(reason.WALMissing, "the primary says it archived %s, but the archive ends at %s", archived,
			last.Name)
	}
	return nil
}

// MovedOn asks the primary once more what it archived last, where it seemed to be on a timeline that a restore would
// not follow: in a failover between the question and the listing it was. It has moved on when it names no segment of
// that timeline any more; the listing has to be judged anew then.
func MovedOn(found error, before string, ask func() (string, error)) (bool, error) {
	left, asked := wal.TimelineOf(before)
	if why, _ := reason.Of(found); why != reason.TimelineConflict || !asked {
		return false, nil
	}
	again, err := ask()
	if err != nil {
		return false, err
	}
	timeline, segment := wal.TimelineOf(again)
	return !segment || timeline != left, nil
}
