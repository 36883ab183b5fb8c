package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// taking are backups that take hours: the first one of the list, a full, and those after it ten minutes.
func taking(t *testing.T, text string, hours int) []pgbackrest.Backup {
	t.Helper()
	list := backups(t, text)
	list[0].Timestamp.Stop = list[0].Timestamp.Start + int64(hours)*3600
	return list
}

// A backup that takes long is not missed while it is being taken; one that crashed is, an hour later, and so is
// one that takes longer than any may.
func TestCalendar_WhileABackupIsBeingTaken(t *testing.T) {
	// The full of the week before took 9 hours, or 33; the diffs are there.
	const week = "F -1 Sun 02:05; D -1 Mon 02:05; D -1 Tue 02:05; D -1 Wed 02:05; D -1 Thu 02:05; D -1 Fri 02:05; " +
		"D -1 Sat 02:05"
	for _, c := range []struct {
		name  string
		hours int
		label string // that nobody lists
		now   string
		saved time.Duration // ago
		says  string        // "" is none; parts of the error
	}{
		{"AtNine", 9, "20261122-020500F", "Sun 09:00", 5 * time.Minute, ""},
		{"Nobody", 9, "", "Sun 09:00", 0, "is 30h45m0s old, at most 30h0m0s are allowed; no backup on Sun"},
		{"Crashed", 9, "20261122-020500F", "Sun 09:00", 2 * time.Hour, "no backup on Sun"},
		{"CrashedAMomentAgo", 9, "20261122-020500F", "Sun 09:00", 50 * time.Minute, ""},
		{"DatedAhead", 9, "20261122-020500F", "Sun 09:00", -2 * time.Hour, "no backup on Sun"},
		{"OnTheNextDay", 33, "20261122-020500F", "Mon 09:00", 20 * time.Minute, ""},
		{"LongerThanAnyMay", 9, "20261122-020500F", "Mon 09:00", time.Minute, "no backup on Sun; no backup on Mon"},
		{"OfAnotherWeek", 9, "20261101-020500F", "Sun 09:00", 5 * time.Minute, "no backup on Sun"},
		{"ADiff", 9, "20261115-020500F_20261122-020500D", "Sun 07:59", time.Minute, ""},
		{"ADiffIsShort", 9, "20261115-020500F_20261122-020500D", "Sun 09:00", time.Minute, "no backup on Sun"},
		{"BegunTooLate", 9, "20261123-020500F", "Mon 09:00", time.Minute, "no backup on Sun"},
		{"NoTime", 9, "20269999-020500F", "Sun 09:00", time.Minute, "no backup on Sun"},
	} {
		t.Run(c.name, func(t *testing.T) {
			limits, now := usual, at(t, c.now)
			if c.label != "" {
				limits.Unlisted = []pgbackrest.Unlisted{{Label: c.label, Saved: now.Add(-c.saved)}}
			}
			calendar, err := NewCalendar(taking(t, week, c.hours), now, limits)
			require.NoError(t, err)
			said := strings.Join(calendar.Notes, "\n")
			err = calendar.Err()
			if c.says == "" {
				require.NoError(t, err, "%q", calendar.Lines())
				return
			}
			why, _ := reason.Of(err)
			require.Equal(t, reason.BackupMissed, why, said)
			for part := range strings.SplitSeq(c.says, "; ") {
				assert.ErrorContains(t, err, part)
			}
		})
	}
}

// A slot before the backup that is being taken is missed all the same, and so is a full that only a diff is taken of.
func TestCalendar_WhatABackupThatIsBeingTakenDoesNotBring(t *testing.T) {
	now := at(t, "Wed 07:30")
	limits := usual
	limits.Unlisted = []pgbackrest.Unlisted{
		{Label: "20261122-020500F_20261125-020500D", Saved: now},
		{Label: "20261122-020500F_20261124-020500D", Saved: now},
	}
	calendar, err := NewCalendar(taking(t, "F Sun 02:05; D Mon 02:05", 1), now, limits)
	require.NoError(t, err)
	require.ErrorContains(t, calendar.Err(), "no backup on Tue")
	assert.NotContains(t, calendar.Err().Error(), "Wed")
	assert.NotContains(t, calendar.Err().Error(), "are allowed")
	lines := calendar.Lines()
	assert.Equal(t, "Wed 2026-11-25  diff  20261122-020500F_20261125-020500D, being taken", lines[len(lines)-1])
	assert.Contains(t, strings.Join(calendar.Notes, "\n"), "has been taken since 2026-11-25 02:05 UTC")

	limits.FullAge = time.Hour
	calendar, err = NewCalendar(taking(t, "F Sun 02:05; D Mon 02:05; D Tue 02:05", 1), now, limits)
	require.NoError(t, err)
	require.ErrorContains(t, calendar.Err(), "the newest full backup")
	limits.Unlisted = []pgbackrest.Unlisted{{Label: "20261125-020500F", Saved: now}}
	calendar, err = NewCalendar(taking(t, "F Sun 02:05; D Mon 02:05; D Tue 02:05", 1), now, limits)
	require.NoError(t, err)
	require.NoError(t, calendar.Err())
}

// A label is of the clock of the host that takes backups, in its zone.
func TestCalendar_LabelsOfAnotherZone(t *testing.T) {
	list := taking(t, "F -1 Sun 02:05; D -1 Fri 02:05; D -1 Sat 02:05", 9)
	for i := range list {
		list[i].Label = started(list[i]).Add(-8*time.Hour).UTC().Format("20060102-150405") + "F"
	}
	now := at(t, "Sun 09:00")
	limits := usual
	limits.Diffs = 2
	limits.Unlisted = []pgbackrest.Unlisted{{Label: "20261121-180500F", Saved: now}}
	calendar, err := NewCalendar(list, now, limits)
	require.NoError(t, err)
	require.NoError(t, calendar.Err())
	assert.Contains(t, strings.Join(calendar.Notes, "\n"), "has been taken since 2026-11-22 02:05 UTC")
}

// Where backups take longer than the age allows for, the finding says what does; an age that somebody chose is not
// cut off where the next backup is due, and a miss is seen once a day for all that.
func TestCalendar_BackupsThatTakeLong(t *testing.T) {
	list := taking(t, "F -1 Sun 02:05; D -1 Tue 02:05; D -1 Wed 02:05; D -1 Thu 02:05; D -1 Fri 02:05; D -1 Sat 02:05",
		33)
	calendar, err := NewCalendar(list, at(t, "Mon 09:00"), usual)
	require.NoError(t, err)
	require.ErrorContains(t, calendar.Err(), "one that is kept took 33h0m0s: -backup-age 58h0m0s allows for that")
	limits := usual
	limits.BackupAge = 58 * time.Hour
	calendar, err = NewCalendar(list, at(t, "Mon 09:00"), limits)
	require.NoError(t, err)
	require.ErrorContains(t, calendar.Err(), "no backup on Sun", "an age of the policy ends where the next is due")
	limits.AgeGiven = true
	calendar, err = NewCalendar(list, at(t, "Mon 09:00"), limits)
	require.NoError(t, err)
	require.NoError(t, calendar.Err(), "%q", calendar.Lines())
	for hour := range 24 {
		red := 0
		for day := range 5 { // a full on Mon, and none on Sun
			now := at(t, "Sun 00:00").Add(time.Duration(day*24+hour) * time.Hour)
			there := list
			for _, b := range backups(t, "F Mon 02:05; D Tue 02:05; D Wed 02:05; D Thu 02:05") {
				if !b.Stopped().After(now) {
					there = append(there, b)
				}
			}
			calendar, err = NewCalendar(there, now, limits)
			require.NoError(t, err)
			if calendar.Err() != nil {
				red++
			}
		}
		assert.Positive(t, red, "hour %d", hour)
	}
	calendar, err = NewCalendar(backups(t, "F Sun 02:10"), at(t, "Mon 09:00"), usual)
	require.NoError(t, err)
	assert.NotContains(t, calendar.Err().Error(), "-backup-age")
	limits.BackupAge = time.Millisecond
	calendar, err = NewCalendar(backups(t, "F Sun 02:10"), at(t, "Sun 09:00"), limits)
	require.NoError(t, err)
	assert.NotContains(t, calendar.Err().Error(), "-backup-age", "short ones are no reason for another age")
}
