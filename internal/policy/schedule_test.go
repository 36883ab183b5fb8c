package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
)

// What systemd takes and the checks read too, by the moments of the week.
func TestParseTimes(t *testing.T) {
	for value, want := range map[string]string{
		"Sun *-*-* 02:00:00 UTC":      "146h0m0s",
		"Sun 02:00 UTC":               "146h0m0s",
		"Mon 0:30 UTC":                "30m0s",
		"Mon,Thu *-*-* 22:15:30 UTC":  "22h15m30s 94h15m30s",
		"Sat..Sun *-*-* 02,14:00 UTC": "122h0m0s 134h0m0s 146h0m0s 158h0m0s",
		"Mon,Mon..Tue 01,01:00 UTC":   "1h0m0s 25h0m0s",
	} {
		times, err := parseTimes(value)
		require.NoError(t, err, value)
		var said []string
		for _, at := range times {
			said = append(said, at.String())
		}
		assert.Equal(t, want, strings.Join(said, " "), value)
	}
	everyDay, err := parseTimes("*-*-* 02:00:00 UTC")
	require.NoError(t, err)
	assert.Len(t, everyDay, 7)
}

// A slot lasts from one moment to the next, over the end of the week too; a moment of both calendars is a full one.
func TestSchedule_Slots(t *testing.T) {
	s := of(t, "full: Sun 22:30 UTC\ndiff: '*-*-* 10,22:30 UTC'").Schedule
	require.True(t, s.severalADay())
	assert.False(t, Mission().Schedule.severalADay())
	for now, want := range map[string]string{
		"Mon 10:29": "full", "Mon 10:30": "diff", "Sun 22:29": "diff", "Sun 22:30": "full",
	} {
		assert.Equal(t, want, s.kind(s.slotOf(at(t, now))), now)
	}
	assert.Equal(t, at(t, "Mon 10:30").Add(-12*time.Hour), s.slotOf(at(t, "Mon 09:00")))
	assert.Equal(t, at(t, "Mon 22:30"), s.next(at(t, "Mon 10:30")))
	assert.Equal(t, at(t, "Sun 22:30").Add(12*time.Hour), s.next(at(t, "Sun 22:30")))
}

// The ages follow the calendar.
func TestSchedule_Ages(t *testing.T) {
	for lines, want := range map[string][2]time.Duration{
		mission:                     {192 * time.Hour, 30 * time.Hour},
		"full: Wed,Sun 02:00 UTC":   {(96 + 24) * time.Hour, 30 * time.Hour},
		"diff: Wed *-*-* 02:00 UTC": {192 * time.Hour, (96 + 6) * time.Hour},
		"diff: '*-*-* 02,14:00 UTC'": {
			192 * time.Hour, 18 * time.Hour,
		},
		"full: '*-*-* 02:00 UTC'\ndiff: '*-*-* 02:00 UTC'": {48 * time.Hour, 30 * time.Hour},
	} {
		s := of(t, lines).Schedule
		assert.Equal(t, want, [2]time.Duration{s.FullAge(), s.BackupAge()}, lines)
	}
}

// The backups of another calendar: right by it and missed by the mission's, and the other way round.
func TestCalendar_IsTheOneOfTheFile(t *testing.T) {
	noon := of(t, "full: Wed 12:00 UTC\ndiff: Mon,Fri 12:00 UTC")
	limits := Limits{
		FullAge: noon.Schedule.FullAge(), BackupAge: noon.Schedule.BackupAge(), Schedule: noon.Schedule,
	}
	const byFile = "F -1 Wed 12:05; D -1 Fri 12:05; D Mon 12:05"
	for _, c := range []struct {
		name, backups, says string
		limits              Limits
	}{
		{"ByTheFile", byFile, "", limits},
		{"ByTheMission", fine + "; D Tue 02:05", "", usual},
		{"OfTheFileHeldAgainstTheMission", byFile, "no backup on Sun 2026-11-22: a full was expected at 02:00", usual},
		{
			"OneMissed", "F -1 Wed 12:05; D -1 Fri 12:05",
			"no backup on Mon 2026-11-23: a diff was expected at 12:00 UTC", limits,
		},
		{
			"OfTheMissionHeldAgainstTheFile", "F -1 Sun 02:10; D -1 Mon 02:05; D -1 Tue 02:05",
			"no backup on Wed 2026-11-18: a full was expected at 12:00 UTC", limits,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			calendar, err := NewCalendar(backups(t, c.backups), at(t, "Tue 12:00"), c.limits)
			require.NoError(t, err)
			if c.says == "" {
				require.NoError(t, calendar.Err(), "%q", calendar.Lines())
				return
			}
			assert.ErrorContains(t, calendar.Err(), c.says)
		})
	}
	often := of(t, "diff: '*-*-* 02,14:00 UTC'").Schedule
	calendar, err := NewCalendar(backups(t, "F Sun 02:05; D Sun 14:05; D Mon 02:05"), at(t, "Mon 16:00"),
		Limits{FullAge: often.FullAge(), BackupAge: often.BackupAge(), Schedule: often})
	require.NoError(t, err)
	require.NoError(t, calendar.Err())
	lines := calendar.Lines()
	assert.Equal(t, "Mon 2026-11-23 14:00  diff  due", lines[len(lines)-1])
}

// Whatever the calendar, a check that runs once a day is red for every miss.
func TestCalendar_ADailyCheckSeesEveryMissOfAnyCalendar(t *testing.T) {
	for _, lines := range []string{
		"diff: '*-*-* 02,14:00 UTC'", "full: Sat 22:00 UTC\ndiff: Mon..Fri,Sun 22:00 UTC", "diff: Tue,Thu 05:30 UTC",
	} {
		s := of(t, lines).Schedule
		limits := Limits{FullAge: s.FullAge(), BackupAge: s.BackupAge(), Schedule: s}
		var all []pgbackrest.Backup
		for from := s.slotOf(at(t, "-1 Mon 00:00")); len(all) < 20; from = s.next(from) {
			b := pgbackrest.Backup{Type: s.kind(from), Label: from.Format("20060102-150405")}
			b.Timestamp.Start, b.Timestamp.Stop = from.Unix()+300, from.Unix()+900
			all = append(all, b)
		}
		for missed := 2; missed < len(all)-8; missed++ {
			for hour := range 24 {
				assert.Positive(t, redDays(t, all, missed, hour, limits), "%s: %s, hour %d", lines, all[missed].Label,
					hour)
			}
		}
	}
}

// redDays counts the days on which a check at an hour is red for one backup that is missing.
func redDays(t *testing.T, all []pgbackrest.Backup, missed, hour int, limits Limits) (red int) {
	t.Helper()
	due := limits.Schedule.slotOf(started(all[missed]))
	first := due.Truncate(day).Add(time.Duration(hour) * time.Hour)
	for now := first; now.Before(due.Add(limits.Schedule.Gap(false) + 2*day)); now = now.Add(day) {
		var there []pgbackrest.Backup
		for i, b := range all {
			if i != missed && !b.Stopped().After(now) {
				there = append(there, b)
			}
		}
		calendar, err := NewCalendar(there, now, limits)
		require.NoError(t, err)
		if calendar.Err() != nil {
			red++
		}
	}
	return red
}
