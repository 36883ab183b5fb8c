package policy

import (
	"fmt"
	"strings"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
)

const (
	// savedWithin is how long ago a backup that is at work has saved its manifest: it does with each hundredth that it
	// has copied. What a crash has left is older soon.
	savedWithin = time.Hour
	// timesLongest is how much longer than the longest one that is kept a backup of its kind may take.
	timesLongest = 3
)

// atWork is a backup that is being taken.
type atWork struct {
	label string
	full  bool
	begun time.Time
	saved time.Time
	limit time.Duration // what it is to bring is not missed before that
}

// running is the backup that is being taken, nil for none: of those that nobody lists the youngest which still saves
// its manifest, and takes no longer than one of its kind may.
func (c Calendar) running(backups []pgbackrest.Backup, unlisted []pgbackrest.Unlisted) (found *atWork) {
	for _, u := range unlisted {
		begun, ok := begunBy(u.Label, backups)
		if !ok || c.now.Sub(u.Saved).Abs() > savedWithin || begun.Sub(c.now) > clockLeeway {
			continue
		}
		full := strings.HasSuffix(u.Label, "F")
		work := &atWork{u.Label, full, begun, u.Saved, c.mayTake(backups, full)}
		if c.now.Sub(begun) <= work.limit && (found == nil || begun.After(found.begun)) {
			found = work
		}
	}
	return found
}

// mayTake is how long a backup may take: three times the longest of its kind that is kept, 6 hours at least, and no
// longer than until the next of its kind.
func (c Calendar) mayTake(backups []pgbackrest.Backup, full bool) time.Duration {
	return min(max(timesLongest*longest(backups, full), backupLeeway), c.limits.Schedule.Gap(full))
}

// longest is how long the longest of the full backups took, or of the others.
func longest(backups []pgbackrest.Backup, full bool) (took time.Duration) {
	for _, b := range backups {
		if (b.Type == "full") == full {
			took = max(took, b.Stopped().Sub(started(b)))
		}
	}
	return took
}

// begunBy is when a backup began, by its label. That is the time of the host that takes backups, whose zone is known by
// those that are listed.
func begunBy(label string, backups []pgbackrest.Backup) (begun time.Time, ok bool) {
	begun, ok = labelTime(label)
	if !ok || len(backups) == 0 {
		return begun, ok
	}
	newest := backups[len(backups)-1]
	if shown, ok := labelTime(newest.Label); ok {
		begun = begun.Add(-shown.Sub(started(newest)).Round(15 * time.Minute))
	}
	return begun, true
}

// labelTime is the time that a label ends with, whatever zone it is of.
func labelTime(label string) (time.Time, bool) {
	own := label[strings.LastIndexByte(label, '_')+1:]
	t, err := time.Parse("20060102-150405", own[:max(0, len(own)-1)])
	return t, err == nil
}

// covers says whether what belongs into a slot is being taken: as within says it of one that is over.
func (w *atWork) covers(s slot, schedule Schedule) bool {
	return w != nil && !s.from.Before(schedule.slotOf(w.begun))
}

// String is a sentence for a note.
func (w *atWork) String() string {
	const layout = "2006-01-02 15:04"
	return fmt.Sprintf("backup %s has been taken since %s UTC, and saved its manifest at %s UTC: what it is to bring "+
		"is not missed before it has taken %s", w.label, w.begun.UTC().Format(layout), w.saved.UTC().Format(layout),
		w.limit.Round(time.Minute))
}

// hint is what to do where backups take longer than the age that the newest may have allows for, "" for nothing.
func (c Calendar) hint(backups []pgbackrest.Backup) string {
	took := max(longest(backups, true), longest(backups, false))
	gap := c.limits.Schedule.Gap(false)
	if gap+took < c.limits.BackupAge || took < time.Hour { // it is not how long they take
		return ""
	}
	return fmt.Sprintf("; one that is kept took %s: -backup-age %s allows for that", took.Round(time.Minute),
		(gap + took + time.Hour).Truncate(time.Hour))
}
