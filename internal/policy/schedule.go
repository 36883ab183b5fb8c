package policy

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// How much older than the longest time between two backups the newest one may be: a day for a full backup, six hours
// for one of any kind. With the mission's calendar that is 192 and 30 hours.
const (
	fullLeeway   = day
	backupLeeway = 6 * time.Hour
)

// Schedule is when backups are taken: moments of a week, in UTC.
type Schedule struct {
	moments []moment // in their order, one of them full at least
}

// moment is one of them, as the time since Monday 00:00 UTC.
type moment struct {
	at   time.Duration
	full bool
}

// weekdays are systemd's names, in the order of its ranges.
var weekdays = []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// calendarForm is what is read of systemd's OnCalendar: days, any date, hours, a minute. The second is systemd's too.
var calendarForm = regexp.MustCompile(
	`^(?:([A-Za-z.,]+) )?(?:\*-\*-\* )?([0-9]{1,2}(?:,[0-9]{1,2})*):([0-9]{2})(?::([0-9]{2}))? UTC$`)

var errCalendar = errors.New("is no calendar that the checks read: write days and a time in UTC, such as " +
	"`Sun *-*-* 02:00:00 UTC`, `Mon..Sat *-*-* 02:00 UTC` or `*-*-* 02,14:00:00 UTC`")

// parseTimes reads a calendar, and is part of systemd's OnCalendar: what systemd understands and this does not is
// refused, never guessed.
func parseTimes(value string) ([]time.Duration, error) {
	parts := calendarForm.FindStringSubmatch(value)
	if parts == nil {
		return nil, errCalendar
	}
	days, ok := parseDays(parts[1])
	minute, good := number(parts[3], 59)
	second, fine := number("0"+parts[4], 59)
	if !ok || !good || !fine {
		return nil, errCalendar
	}
	var times []time.Duration
	for text := range strings.SplitSeq(parts[2], ",") {
		hour, ok := number(text, 23)
		if !ok {
			return nil, errCalendar
		}
		for _, d := range days {
			times = append(times, time.Duration(d)*day+time.Duration(hour)*time.Hour+
				time.Duration(minute)*time.Minute+time.Duration(second)*time.Second)
		}
	}
	slices.Sort(times)
	return slices.Compact(times), nil
}

// parseDays reads `Mon`, `Mon,Thu`, `Mon..Sat`; all of them where none is named.
func parseDays(value string) (days []int, ok bool) {
	if value == "" {
		return []int{0, 1, 2, 3, 4, 5, 6}, true
	}
	for part := range strings.SplitSeq(value, ",") {
		first, last, isRange := strings.Cut(part, "..")
		if !isRange {
			last = first
		}
		from, to := slices.Index(weekdays, first), slices.Index(weekdays, last)
		if from < 0 || to < from { // systemd knows no Sat..Mon either
			return nil, false
		}
		for d := from; d <= to; d++ {
			days = append(days, d)
		}
	}
	return days, true
}

func number(text string, most int) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0 && n <= most
}

// newSchedule makes a schedule of two calendars. A moment of both is that of a full backup.
func newSchedule(full, diff []time.Duration) (s Schedule) {
	for _, at := range full {
		s.moments = append(s.moments, moment{at, true})
	}
	for _, at := range diff {
		if !slices.Contains(full, at) {
			s.moments = append(s.moments, moment{at, false})
		}
	}
	slices.SortFunc(s.moments, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	return s
}

// last is the place of the last moment up to a time, and the beginning of the week that it is in.
func (s Schedule) last(t time.Time) (i int, begin time.Time) {
	begin = t.UTC().Truncate(week) // a Monday: time begins with one
	i, found := slices.BinarySearchFunc(s.moments, t.Sub(begin), func(m moment, at time.Duration) int {
		return cmp.Compare(m.at, at)
	})
	if found {
		return i, begin
	}
	if i == 0 {
		return len(s.moments) - 1, begin.Add(-week)
	}
	return i - 1, begin
}

// slotOf is the beginning of the slot a moment belongs to: from one moment of the schedule to the next.
func (s Schedule) slotOf(t time.Time) time.Time {
	i, begin := s.last(t)
	return begin.Add(s.moments[i].at)
}

// next is the beginning of the slot behind the one that begins then.
func (s Schedule) next(from time.Time) time.Time {
	i, begin := s.last(from)
	if i++; i == len(s.moments) {
		return begin.Add(week + s.moments[0].at)
	}
	return begin.Add(s.moments[i].at)
}

// kind is that of the backup which belongs into the slot of a moment.
func (s Schedule) kind(from time.Time) string {
	if i, _ := s.last(from); s.moments[i].full {
		return "full"
	}
	return "diff"
}

// severalADay says whether a date alone does not name a slot.
func (s Schedule) severalADay() bool {
	for i := range s.moments[1:] {
		if s.moments[i].at/day == s.moments[i+1].at/day {
			return true
		}
	}
	return false
}

// Gap is the longest time from one backup to the next; of full ones alone where they are asked for.
func (s Schedule) Gap(full bool) (gap time.Duration) {
	var times []time.Duration
	for _, m := range s.moments {
		if m.full || !full {
			times = append(times, m.at)
		}
	}
	for i, at := range times {
		if i == len(times)-1 {
			return max(gap, times[0]+week-at)
		}
		gap = max(gap, times[i+1]-at)
	}
	return gap
}

// FullAge is how old the newest full backup may be.
func (s Schedule) FullAge() time.Duration { return s.Gap(true) + fullLeeway }

// BackupAge is how old the newest backup of any kind may be.
func (s Schedule) BackupAge() time.Duration { return s.Gap(false) + backupLeeway }
