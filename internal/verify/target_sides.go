package verify

import (
	"fmt"
	"time"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/wal"
)

// TargetSides are the two sides of a recovery target: what lies before it must be there, and
// what lies after it must not. That it was reached is proved by Recovery.Complete.
type TargetSides struct {
	Target    target.Target
	Log       postgres.Log
	Commit    *time.Time // the last replayed commit
	Heartbeat *Heartbeat // nil is none
}

// sameMoment is how far the time of a commit and that of a restore point, which are taken
// before their records are written, may be from the order of the records.
const sameMoment = time.Second

// Check proves that nothing from after the target came back, and says what came back last
// before it. An error is recovery_incomplete: the cluster is of another moment
// than the one that was asked for.
func (s TargetSides) Check() (string, error) {
	limit, how := s.limit()
	if !limit.IsZero() && s.Commit != nil && s.Commit.After(limit) {
		return "", s.cameAfter("a commit of %s came back, and %s", moment(*s.Commit), how)
	}
	if s.Heartbeat != nil {
		if !limit.IsZero() && s.Heartbeat.NewestAt.After(limit) {
			return "", s.cameAfter("heartbeat row %d of %s came back, and %s",
				s.Heartbeat.Last, moment(s.Heartbeat.NewestAt),
				how)
		}
		if at, ok := s.stoppedAt(); ok && s.Heartbeat.NewestLSN > at {
			return "", s.cameAfter("heartbeat row %d, written at %s, came back, and recovery stopped at %s",
				s.Heartbeat.Last,
				s.Heartbeat.NewestLSN, at)
		}
	}
	return s.lastBefore(limit), nil
}

func (s TargetSides) cameAfter(format string, args ...any) error {
	return reason.Errorf(reason.RecoveryIncomplete, "-target %s: %s: rows from after the target are there", s.Target,
		fmt.Sprintf(format, args...))
}

// limit is the moment after which nothing may have come back; zero when only a place is known.
func (s TargetSides) limit() (time.Time, string) {
	switch s.Target.Kind {
	case target.Time:
		return s.Target.Time, "the target is earlier"
	case target.Name:
		if at, ok := stoppedTime(s.Log.Stopping); ok {
			return at.Add(sameMoment), "the restore point was made at " + moment(at)
		}
	}
	return time.Time{}, ""
}

// stoppedAt is where recovery to an LSN stopped: the first record at or after it.
func (s TargetSides) stoppedAt() (wal.LSN, bool) {
	match := stoppedAtLSN.FindStringSubmatch(s.Log.Stopping)
	if s.Target.Kind != target.LSN || match == nil {
		return 0, false
	}
	at, err := wal.ParseLSN(match[1])
	return at, err == nil
}

// lastBefore tells what came back last, and what came first that did not.
func (s TargetSides) lastBefore(limit time.Time) string {
	text := "two-sided at " + s.Target.String() + ":"
	switch {
	case s.Commit != nil:
		text += " the last commit that came back is of " + moment(*s.Commit)
	default:
		text += " no commit was replayed"
	}
	if s.Heartbeat != nil {
		text += fmt.Sprintf(", the newest heartbeat row is %d", s.Heartbeat.Last)
		if !limit.IsZero() {
			text += fmt.Sprintf(", %s before it", limit.Sub(s.Heartbeat.NewestAt).Round(time.Millisecond))
		}
		if s.Heartbeat.Missing > 0 {
			text += fmt.Sprintf(", %d heartbeat rows before it are missing", s.Heartbeat.Missing)
		}
	}
	return text + "; " + s.Log.Stopping
}

// stoppedTime is the time in a line about where recovery stopped.
func stoppedTime(line string) (time.Time, bool) {
	match := stoppedAtTime.FindStringSubmatch(line)
	if match == nil {
		return time.Time{}, false
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999-07", "2006-01-02 15:04:05.999999-07:00"} {
		if at, err := time.Parse(layout, match[1]); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
