package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

const (
	shown       = 8               // days of the calendar that are printed at most
	alwaysRed   = 2 * day         // of completed slots, whose miss is red whatever came later
	clockLeeway = 5 * time.Second // a backup that stops later than that from now was dated by another clock
)

// Limits are how old the newest backups may be, by their stop time.
type Limits struct {
	FullAge   time.Duration // of the newest full backup
	BackupAge time.Duration // of the newest backup of any kind
	// Diffs is repo-retention-diff: how many full and differential backups are kept for
	// sure. What is older than those may have been there, and was expired. 0: all are kept.
	Diffs    int
	Schedule Schedule // when there must be one
	// AgeGiven says that somebody chose BackupAge: a backup may be so late then, whenever the next one is due.
	AgeGiven bool
	Unlisted []pgbackrest.Unlisted // backups that may be being taken
	Since    time.Time             // when the schedule was written; zero for always
}

// slot is the time in which one backup of the schedule belongs, until that of the next: from
// 02:00 UTC to 02:00 by the mission's.
type slot struct {
	from  time.Time
	found []pgbackrest.Backup
}

// Calendar is the expected backups against the found ones.
type Calendar struct {
	Missed []time.Time // when each backup was due that is not there, as far back as one would be there
	Notes  []string

	slots  []slot // up to today's, oldest first
	now    time.Time
	limits Limits
	full   *pgbackrest.Backup // the newest full one
	newest *pgbackrest.Backup // of any kind
	work   *atWork            // that is being taken
	slower string             // what to do where backups take long
	fresh  []time.Duration    // times of day that the schedule was the first to have
	moved  time.Time          // the slot whose backup was taken by an earlier hour, before the schedule was written
}

// NewCalendar compares backups with the schedule. A backup counts for the slot it began in, the one it ended in, and
// those between them, in which no other could begin: one that takes hours, or was caught up, is not missed. One that
// ends in the future is clock_skew, none at all no_backup.
func NewCalendar(backups []pgbackrest.Backup, now time.Time, limits Limits) (Calendar, error) {
	c := Calendar{now: now, limits: limits}
	if len(backups) == 0 {
		return c, reason.Errorf(reason.NoBackup, "there is no backup")
	}
	first := now
	for i, b := range backups {
		if b.Stopped().Sub(now) > clockLeeway {
			return c, reason.Errorf(reason.ClockSkew,
				"backup %s ended %s from now: the clock here or on the primary is wrong", b.Label,
				b.Stopped().Sub(now).Round(time.Second))
		}
		if started(b).Before(first) {
			first = started(b)
		}
		if c.newest == nil || !b.Stopped().Before(c.newest.Stopped()) {
			c.newest = &backups[i]
		}
		if b.Type == "full" && (c.full == nil || !b.Stopped().Before(c.full.Stopped())) {
			c.full = &backups[i]
		}
		if b.Type == "incr" {
			c.Notes = append(c.Notes,
				fmt.Sprintf("backup %s is incremental: the schedule knows full and differential ones", b.Label))
		}
	}
	schedule := limits.Schedule
	c.slower = c.hint(backups)
	if c.work = c.running(backups, limits.Unlisted); c.work != nil {
		c.Notes = append(c.Notes, c.work.String())
	}
	for from := schedule.slotOf(c.since(backups, first)); !from.After(now); from = schedule.next(from) {
		c.slots = append(c.slots, slot{from: from, found: schedule.within(backups, from)})
	}
	c.fresh, c.moved = c.newTimes(), c.movedIn()
	for _, s := range c.slots {
		switch {
		case !c.missing(s):
		case c.before(s):
			c.Notes = append(c.Notes,
				c.sentence(s.from)+"; the policy is of later, and was the first to have that hour")
		default:
			c.Missed = append(c.Missed, s.from)
		}
	}
	for _, missed := range c.Missed {
		if missed.Before(c.window()) {
			c.Notes = append(c.Notes, c.sentence(missed)+"; a full backup came after it")
		}
	}
	return c, nil
}

// since is where days can be judged from: the oldest backup, or the oldest of those that
// retention is sure to keep.
func (c Calendar) since(backups []pgbackrest.Backup, first time.Time) time.Time {
	var begun []time.Time
	for _, b := range backups {
		if b.Type != "incr" {
			begun = append(begun, started(b))
		}
	}
	slices.SortFunc(begun, time.Time.Compare)
	if n := c.limits.Diffs; n > 0 && len(begun) > n {
		return begun[len(begun)-n]
	}
	return first
}

func started(b pgbackrest.Backup) time.Time { return time.Unix(b.Timestamp.Start, 0) }

// within are the backups of a slot.
func (s Schedule) within(backups []pgbackrest.Backup, from time.Time) (list []pgbackrest.Backup) {
	for _, b := range backups {
		if !s.slotOf(started(b)).After(from) && !s.slotOf(b.Stopped()).Before(from) {
			list = append(list, b)
		}
	}
	return list
}

// missing says whether a slot has no backup that should be there by now.
func (c Calendar) missing(s slot) bool {
	return len(s.found) == 0 && !c.due(s) && !c.work.covers(s, c.limits.Schedule)
}

// due says whether a slot's backup may still come: its time is not over, and no later
// than the age a backup may have.
func (c Calendar) due(s slot) bool { return c.now.Before(s.from.Add(c.slack())) }

// slack is how late a backup may be: no later than the next one, unless somebody said so.
func (c Calendar) slack() time.Duration {
	gap := c.limits.Schedule.Gap(false)
	late := max(c.limits.BackupAge-gap, 0)
	if c.limits.AgeGiven {
		return late
	}
	return min(late, gap)
}

// window is where the slots begin whose miss is red: since the newest full backup, and the
// last two days in any case, or the day after a slot may be late, so that a daily check is red for every miss.
func (c Calendar) window() time.Time {
	slotOf := c.limits.Schedule.slotOf
	from := slotOf(slotOf(c.now).Add(-max(alwaysRed, c.slack()+day)))
	if c.full != nil && slotOf(started(*c.full)).Before(from) {
		from = slotOf(started(*c.full))
	}
	return from
}

func (c Calendar) sentence(missed time.Time) string {
	return fmt.Sprintf("no backup on %s: a %s was expected at %s UTC", missed.Format("Mon 2006-01-02"),
		c.limits.Schedule.kind(missed), missed.Format("15:04"))
}

// Lines are a line a slot, the newest ones.
func (c Calendar) Lines() (list []string) {
	layout := "Mon 2006-01-02"
	if c.limits.Schedule.severalADay() {
		layout += " 15:04"
	}
	for _, s := range c.slots[max(0, len(c.slots)-shown):] {
		var found []string
		for _, b := range s.found {
			found = append(found, b.Label)
		}
		switch {
		case len(found) > 0:
		case c.work.covers(s, c.limits.Schedule):
			found = []string{c.work.label + ", being taken"}
		case c.due(s):
			found = []string{"due"}
		case c.before(s):
			found = []string{"before the policy"}
		default:
			found = []string{"missed"}
		}
		list = append(list,
			fmt.Sprintf("%s  %s  %s", s.from.Format(layout), c.limits.Schedule.kind(s.from), strings.Join(found, ", ")))
	}
	return list
}

// Err is everything that is wrong, with the reason backup_missed; nil when nothing is.
func (c Calendar) Err() error {
	var found []string
	switch {
	case c.full == nil:
		found = append(found, "there is no full backup")
	case c.now.Sub(c.full.Stopped()) > c.limits.FullAge && (c.work == nil || !c.work.full):
		found = append(found,
			fmt.Sprintf("the newest full backup %s is %s old, at most %s are allowed", c.full.Label, c.age(*c.full),
				c.limits.FullAge))
	}
	if c.newest != nil && c.now.Sub(c.newest.Stopped()) > c.limits.BackupAge && c.work == nil {
		found = append(found,
			fmt.Sprintf("the newest backup %s is %s old, at most %s are allowed%s", c.newest.Label, c.age(*c.newest),
				c.limits.BackupAge, c.slower))
	}
	for _, missed := range c.Missed {
		if !missed.Before(c.window()) {
			found = append(found, c.sentence(missed))
		}
	}
	if len(found) == 0 {
		return nil
	}
	return reason.Errorf(reason.BackupMissed, "%s", strings.Join(found, "; "))
}

func (c Calendar) age(b pgbackrest.Backup) time.Duration {
	return c.now.Sub(b.Stopped()).Round(time.Second)
}
