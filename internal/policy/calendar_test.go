package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

var usual = Limits{FullAge: 192 * time.Hour, BackupAge: 30 * time.Hour, Schedule: Mission().Schedule}

// at reads "Wed 06:30" of the week that begins on Sunday 2026-11-22, "-1 Wed" of the one before.
func at(t *testing.T, text string) time.Time {
	t.Helper()
	week := 0
	if rest, ok := strings.CutPrefix(text, "-1 "); ok {
		week, text = -7, rest
	}
	name, clock, _ := strings.Cut(text, " ")
	of, err := time.Parse("15:04", clock)
	require.NoError(t, err, text)
	for d := range 7 {
		day := time.Date(2026, 11, 22+d+week, of.Hour(), of.Minute(), 0, 0, time.UTC)
		if strings.HasPrefix(day.Weekday().String(), name) {
			return day
		}
	}
	t.Fatal(text)
	return time.Time{}
}

// backups reads "F Sun 02:10; D Mon 02:05": kind and start; each takes ten minutes.
func backups(t *testing.T, text string) (list []pgbackrest.Backup) {
	t.Helper()
	for one := range strings.SplitSeq(text, "; ") {
		kind, when, _ := strings.Cut(one, " ")
		start := at(t, when)
		b := pgbackrest.Backup{
			Type:  map[string]string{"F": "full", "D": "diff", "I": "incr"}[kind],
			Label: start.Format("20060102-150405") + kind,
		}
		b.Timestamp.Start, b.Timestamp.Stop = start.Unix(), start.Add(10*time.Minute).Unix()
		list = append(list, b)
	}
	return list
}

const fine = "F -1 Sun 02:10; D -1 Mon 02:05; D -1 Tue 02:05; D -1 Wed 02:05; D -1 Thu 02:05; D -1 Fri 02:05; D -1 " +
	"Sat 02:05; F Sun 02:10; D Mon 02:05"

// The schedule against what a repository may hold. says are parts of the error, "" is none.
func TestCalendar(t *testing.T) {
	for _, c := range []struct{ name, backups, now, says, notes string }{
		{"AllThere", fine + "; D Tue 02:05", "Tue 06:30", "", ""},
		{"TodayMayStillCome", fine, "Tue 06:30", "", ""},
		{"TodayIsLate", fine, "Tue 08:30", "no backup on Tue 2026-11-24: a diff was expected; is 30h", ""},
		{
			"DiffMissed", fine + "; D Wed 02:05", "Wed 06:30",
			"no backup on Tue 2026-11-24: a diff was expected at 02:00 UTC", "",
		},
		{
			"DiffMissedEarlierThisWeek", fine + "; D Wed 02:05; D Thu 02:05; D Fri 02:05", "Fri 06:30",
			"no backup on Tue 2026-11-24", "",
		},
		{
			"DiffMissedAndAFullSince", fine + "; F Wed 14:00; D Thu 02:05; D Fri 02:05", "Fri 06:30", "",
			"no backup on Tue 2026-11-24",
		},
		{"DiffMissedYesterdayAndAFullSince", fine + "; F Wed 02:05", "Wed 06:30", "no backup on Tue 2026-11-24", ""},
		{
			"FullTooOld",
			"F -1 Sun 02:10; D -1 Mon 02:05; D -1 Tue 02:05; D -1 Wed 02:05; D -1 Thu 02:05; D -1 Fri 02:05; D -1 " +
				"Sat 02:05; D Sun 02:05; D Mon 02:05", "Mon 06:30",
			"the newest full backup 20261115-021000F is 196h10m0s old, at most 192h0m0s", "",
		},
		{
			"NewestTooOld", "F Sun 02:10", "Mon 09:00",
			"the newest backup 20261122-021000F is 30h40m0s old; no backup on Mon 2026-11-23", "",
		},
		{"FreshRepository", "F Wed 14:00", "Wed 14:30", "", ""},
		{"FreshSinceBeforeTwo", "F Wed 01:00", "Wed 03:00", "", ""},
		{"CaughtUpInTheEvening", "F Sun 02:10; D Mon 21:00; D Tue 02:05", "Tue 06:30", "", ""},
		{"LastsBeyondTheDay", "F Sun 02:10; D Mon 02:05; D Wed 01:55", "Wed 06:30", "", ""},
		{"NoFull", "D Tue 02:05", "Tue 06:30", "there is no full backup", ""},
		{"Incremental", "F Sun 02:10; D Mon 02:05; I Tue 02:05", "Tue 06:30", "", "is incremental"},
	} {
		t.Run(c.name, func(t *testing.T) {
			calendar, err := NewCalendar(backups(t, c.backups), at(t, c.now), usual)
			require.NoError(t, err)
			assert.Contains(t, strings.Join(calendar.Notes, "\n"), c.notes)
			err = calendar.Err()
			if c.says == "" {
				require.NoError(t, err, "%q", calendar.Lines())
				return
			}
			why, _ := reason.Of(err)
			require.Equal(t, reason.BackupMissed, why)
			for part := range strings.SplitSeq(c.says, "; ") {
				assert.ErrorContains(t, err, part)
			}
		})
	}
}

// While a backup runs no other can begin: the slots between its first and its last are not missed.
func TestCalendar_SlotsThatABackupTakes(t *testing.T) {
	p, err := Parse("p.yml", []byte("diff: Mon..Sat *-*-* 00,06,12,18:00:00 UTC\nfull: Sun *-*-* 02:00:00 UTC\n"))
	require.NoError(t, err)
	limits := usual
	limits.Schedule = p.Schedule
	list := backups(t, "F Sun 02:10; D Mon 00:05; D Mon 06:05; D Mon 12:05; D Mon 18:05; D Tue 00:05")
	list[1].Timestamp.Stop = at(t, "Mon 13:00").Unix()
	list = slices.Delete(list, 2, 4)
	calendar, err := NewCalendar(list, at(t, "Tue 05:00"), limits)
	require.NoError(t, err)
	require.NoError(t, calendar.Err(), "%q", calendar.Lines())
	list[1].Timestamp.Stop = at(t, "Mon 05:00").Unix()
	calendar, err = NewCalendar(list, at(t, "Tue 05:00"), limits)
	require.NoError(t, err)
	require.ErrorContains(t, calendar.Err(), "a diff was expected at 06:00 UTC")
}

// Every miss is red for a check that runs once a day, whatever its hour.
func TestCalendar_ADailyCheckSeesEveryMiss(t *testing.T) {
	all := backups(t, fine+"; D Tue 02:05; D Wed 02:05; D Thu 02:05; F Fri 02:05")
	for missed := 1; missed < len(all)-3; missed++ { // not the first, before which there is no history
		list := append(append([]pgbackrest.Backup{}, all[:missed]...), all[missed+1:]...)
		for hour := range 24 {
			red := 0
			begun := started(all[missed])
			end := begun.Add(72 * time.Hour)
			first := usual.Schedule.slotOf(begun).Add(time.Duration(hour) * time.Hour)
			for now := first; now.Before(end); now = now.Add(day) {
				var there []pgbackrest.Backup
				for _, b := range list {
					if !b.Stopped().After(now) {
						there = append(there, b)
					}
				}
				calendar, err := NewCalendar(there, now, usual)
				require.NoError(t, err)
				if calendar.Err() != nil {
					red++
				}
			}
			assert.Positive(t, red, "%s missed, checked at hour %d", all[missed].Label, hour)
		}
	}
}

// What retention has taken away was not missed.
func TestCalendar_Expired(t *testing.T) {
	// Four weeks of fulls, and of the diffs those that count among the newest seven.
	list := backups(t,
		"F -1 Sun 02:10; D -1 Fri 02:05; D -1 Sat 02:05; F Sun 02:10; D Mon 02:05; D Tue 02:05; D Wed 02:05; D Thu "+
			"02:05")
	for week := range 2 {
		old := list[0]
		old.Label += strings.Repeat("'", week+1)
		old.Timestamp.Start -= int64(week+1) * 7 * 24 * 3600
		old.Timestamp.Stop -= int64(week+1) * 7 * 24 * 3600
		list = append(list, old)
	}
	calendar, err := NewCalendar(list, at(t, "Thu 06:30"),
		Limits{FullAge: usual.FullAge, BackupAge: usual.BackupAge, Diffs: 7, Schedule: usual.Schedule})
	require.NoError(t, err)
	require.NoError(t, calendar.Err())
	assert.Empty(t, calendar.Missed)
	assert.Empty(t, calendar.Notes)
	calendar, err = NewCalendar(list, at(t, "Thu 06:30"), usual)
	require.NoError(t, err)
	assert.NotEmpty(t, calendar.Missed, "without a retention they would have to be there")
}

// A day is a line, and says what was found.
func TestCalendar_Lines(t *testing.T) {
	calendar, err := NewCalendar(backups(t, fine+"; D Wed 02:05"), at(t, "Thu 06:30"), usual)
	require.NoError(t, err)
	lines := calendar.Lines()
	require.Len(t, lines, 8)
	assert.Equal(t, "Sun 2026-11-22  full  20261122-021000F", lines[3])
	assert.Equal(t, "Tue 2026-11-24  diff  missed", lines[5])
	assert.Equal(t, "Thu 2026-11-26  diff  due", lines[7])
	assert.Equal(t, []time.Time{time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)}, calendar.Missed)
}

func TestCalendar_Refused(t *testing.T) {
	_, err := NewCalendar(nil, at(t, "Tue 06:30"), usual)
	why, _ := reason.Of(err)
	assert.Equal(t, reason.NoBackup, why)
	_, err = NewCalendar(backups(t, "F Tue 06:30"), at(t, "Tue 06:30"), usual)
	why, _ = reason.Of(err)
	assert.Equal(t, reason.ClockSkew, why)
}
