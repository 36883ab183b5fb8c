package verify

import (
	"fmt"
	"slices"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// Bases of an RPO, best first.
const (
	BasisHeartbeat  = "heartbeat"   // the newest replayed heartbeat row
	BasisLastCommit = "last_commit" // the last replayed commit: grows on an idle primary
	BasisBackup     = "backup"      // the stop of the backup: nothing was replayed
)

// Newest is the newest moment that came back, and how it is known.
type Newest struct {
	At    time.Time
	Basis string
}

// NewestMoment is the newest heartbeat row where there is one, else the last replayed commit, else
// the end of the backup.
func NewestMoment(heartbeat *Heartbeat, commit *time.Time, backup time.Time) Newest {
	switch {
	case heartbeat != nil:
		return Newest{At: heartbeat.NewestAt, Basis: BasisHeartbeat}
	case commit != nil:
		return Newest{At: *commit, Basis: BasisLastCommit}
	}
	return Newest{At: backup, Basis: BasisBackup}
}

// BasisNote says what the RPO is derived from when there is no heartbeat; "" when there is one.
func (n Newest) BasisNote() string {
	const instead = "a heartbeat (role pgbackrest, pgbackrest_heartbeat: true) would make it tell"
	switch n.Basis {
	case BasisLastCommit:
		return "the RPO is derived from the last replayed commit, which an idle primary makes old although nothing " +
			"is lost: it is reported, not judged; " + instead
	case BasisBackup:
		return "the RPO is derived from the end of the backup, because no commit was replayed after it: it is " +
			"reported, not judged; " + instead
	}
	return ""
}

// clockTolerance is how far two clocks may disagree before they are a finding.
const clockTolerance = 5 * time.Second

// RPO is the age of the newest moment when recovery found the end of the archive.
// A moment up to 5 s in the future counts as 0; beyond, the clocks disagree.
func RPO(found time.Time, newest Newest) (time.Duration, error) {
	age := found.Sub(newest.At)
	if age < -clockTolerance {
		return 0, reason.Errorf(reason.ClockSkew, "the newest %s is %s ahead of this machine's clock", newest.Basis,
			(-age).Round(time.Millisecond))
	}
	return max(age, 0), nil
}

// PushTime is how long a segment takes from its last heartbeat row into the repository: the
// median over the newest segments that hold such rows; false when none does. It includes the
// wait for the segment switch, less than an interval.
func (h *Heartbeat) PushTime(chain wal.Chain) (time.Duration, bool) {
	var took []time.Duration
	for _, entry := range chain.Entries {
		if last, ok := h.LastInSegment[entry.Number]; ok {
			took = append(took, max(entry.Time.Sub(last), 0))
		}
	}
	if len(took) == 0 {
		return 0, false
	}
	slices.Sort(took)
	return took[len(took)/2], true
}

// AgeByDesign says when a heartbeat row may be older than the budget although everything
// works; "" when it may not. timeout is the primary's archive_timeout; 0 is off.
func (h *Heartbeat) AgeByDesign(chain wal.Chain, timeout, budget time.Duration) string {
	if timeout == 0 {
		return "archive_timeout is 0 on the primary: a segment is archived when it is full, " +
			"and a heartbeat row may be of " +
			"any age by design; set archive_timeout"
	}
	push, _ := h.PushTime(chain)
	if oldest := timeout + h.Interval + push; oldest > budget {
		return fmt.Sprintf(
			"a heartbeat row may be %s old by design (archive_timeout %s, an interval of %s, "+
				"%s until a segment is in the repository), which is over -rpo %s: lower archive_timeout, or raise -rpo",
			oldest.Round(time.Second), timeout, h.Interval.Round(time.Second), push.Round(time.Second), budget)
	}
	return ""
}

// WriterStopped says when commits went on although the heartbeat did not: then its writer is
// down, and what is old is the heartbeat, not the data. "" when both went on.
func (h *Heartbeat) WriterStopped(commit *time.Time) string {
	if commit == nil || commit.Sub(h.NewestAt) <= pauseFactor*max(h.Interval, 10*time.Second) {
		return ""
	}
	return fmt.Sprintf("the newest heartbeat row is %d of %s, and commits go on to %s: "+
		"whoever writes the heartbeat has stopped; "+
		"start it again (pgbackrest-heartbeat), or drop %s in database %s",
		h.Last, h.NewestAt.UTC().Format(time.RFC3339), commit.UTC().Format(time.RFC3339), h.Table, h.Database)
}
