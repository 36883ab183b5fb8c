package policy

import (
	"slices"
	"time"
)

// newTimes are the times of day that the schedule was the first to have: since it was written each has had its backup,
// and before that none had. That a file is newer than a slot is no excuse by itself: something may write it every day.
func (c Calendar) newTimes() (fresh []time.Duration) {
	if c.limits.Since.IsZero() {
		return nil
	}
	var before, since, missed []time.Duration
	for _, s := range c.slots {
		switch time := timeOfDay(s.from); {
		case len(s.found) > 0 && s.from.Before(c.limits.Since):
			before = append(before, time)
		case len(s.found) > 0:
			since = append(since, time)
		case !s.from.Before(c.limits.Since) && c.missing(s):
			missed = append(missed, time)
		}
	}
	return slices.DeleteFunc(since, func(time time.Duration) bool {
		return slices.Contains(before, time) || slices.Contains(missed, time)
	})
}

// before says whether a slot is older than the schedule that has it.
func (c Calendar) before(s slot) bool {
	return s.from.Before(c.limits.Since) && slices.Contains(c.fresh, timeOfDay(s.from)) || s.from.Equal(c.moved)
}

// movedIn is the slot in which the schedule was written that has a later hour than the one before, zero for none: its
// backup had been taken by the hour of before, which is late in the slot before it now, and the next is there. Where
// any of before began in the first half of its slot, the hour is not new.
func (c Calendar) movedIn() time.Time {
	since := c.limits.Since
	next := slices.IndexFunc(c.slots, func(s slot) bool { return !s.from.Before(since) })
	if since.IsZero() || next < 2 || len(c.slots[next].found) == 0 {
		return time.Time{}
	}
	begun := false
	for _, s := range c.slots[:next-1] {
		begun = false
		for _, b := range s.found {
			late := started(b).Sub(s.from)
			if late >= 0 && late < c.limits.Schedule.next(s.from).Sub(s.from)/2 {
				return time.Time{}
			}
			begun = begun || late >= 0
		}
	}
	if !begun {
		return time.Time{}
	}
	return c.slots[next-1].from
}

func timeOfDay(t time.Time) time.Duration { return t.Sub(t.Truncate(day)) }
