package verify

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
)

// Bases of an RPO, best first.
const (
	BasisHeartbeat  = "heartbeat"   // the newest replayed beat
	BasisLastCommit = "last_commit" // the last replayed commit: grows on an idle primary
	BasisBackup     = "backup"      // the stop of the backup: nothing was replayed
)

// Newest is the newest moment that came back, and how it is known.
type Newest struct {
	At    time.Time
	Basis string
}

// beatTable holds a row for each beat somebody wrote on the primary.
const beatTable = "public.veza_heartbeat"

// NewestMoment finds it: the newest beat where there is a table of beats, else the
// last replayed commit, else the end of the backup.
func NewestMoment(ctx context.Context, conn *pgx.Conn, commit *time.Time, backup time.Time) (Newest, error) {
	var table *string
	if err := conn.QueryRow(ctx, "SELECT to_regclass('"+beatTable+"')::text").Scan(&table); err != nil {
		return Newest{}, err
	}
	if table != nil {
		var beat *time.Time
		if err := conn.QueryRow(ctx, "SELECT max(beat_at) FROM "+beatTable).Scan(&beat); err != nil {
			return Newest{}, err
		}
		if beat != nil {
			return Newest{At: *beat, Basis: BasisHeartbeat}, nil
		}
	}
	if commit != nil {
		return Newest{At: *commit, Basis: BasisLastCommit}, nil
	}
	return Newest{At: backup, Basis: BasisBackup}, nil
}

// clockTolerance is how far two clocks may disagree before they are a finding.
const clockTolerance = 5 * time.Second

// RPO is the age of the newest moment when recovery found the end of the archive.
// A moment up to 5 s in the future counts as 0; beyond, the clocks disagree.
func RPO(found time.Time, newest Newest) (time.Duration, error) {
	age := found.Sub(newest.At)
	if age < -clockTolerance {
		return 0, reason.Errorf(reason.ClockSkew, "the newest %s is %s ahead of this machine's clock", newest.Basis, (-age).Round(time.Millisecond))
	}
	return max(age, 0), nil
}
