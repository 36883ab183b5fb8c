package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A calendar that was changed is not held against the days before, once the first backup of the new hour is there. A
// file that is written without a change, or a new hour at which nothing is taken, excuses nothing.
func TestCalendar_OlderThanThePolicy(t *testing.T) {
	p, err := Parse("p.yml", []byte("diff: Mon..Sat *-*-* 02,14:00:00 UTC\n"))
	require.NoError(t, err)
	const nights = "F Sun 02:10; D Mon 02:05; D Tue 02:05; D Wed 02:05; D Thu 02:05"
	for _, c := range []struct{ name, backups, since, now, says string }{
		{"TheNewHour", nights + "; D Thu 14:05; D Fri 02:05", "Thu 10:00", "Fri 06:30", ""},
		{"NoFile", nights + "; D Thu 14:05; D Fri 02:05", "", "Fri 06:30", "on Mon; on Tue; on Wed"},
		{"OfTheSameMoment", nights + "; D Thu 14:05; D Fri 02:05", "Thu 14:00", "Fri 06:30", ""},
		{"NothingWasTakenYet", nights + "; D Fri 02:05", "Thu 15:00", "Fri 06:30", "on Mon; on Tue; on Wed; on Thu"},
		{"NothingIsTaken", nights + "; D Fri 02:05", "Thu 10:00", "Fri 06:30", "on Mon; on Tue; on Wed; on Thu"},
		{
			"OnceAndNotAgain", nights + "; D Thu 14:05; D Fri 02:05; D Sat 02:05", "Thu 10:00", "Sat 06:30",
			"on Mon; on Fri",
		},
		{
			"WrittenEveryDay", "F Sun 02:10; D Mon 02:05; D Mon 14:05; D Tue 02:05; D Wed 02:05; D Wed 14:05",
			"Wed 13:00", "Wed 16:00", "on Tue 2026-11-24: a diff was expected at 14:00 UTC",
		},
		{"WrittenSinceANightWasMissed", "F Sun 02:10; D Mon 14:05; D Tue 02:05", "Tue 01:00", "Tue 06:30", "on Mon"},
		{"OfTheFuture", nights + "; D Thu 14:05; D Fri 02:05", "Sat 10:00", "Fri 06:30", "on Mon; on Tue; on Wed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			limits := Limits{FullAge: p.Schedule.FullAge(), BackupAge: p.Schedule.BackupAge(), Schedule: p.Schedule}
			if c.since != "" {
				limits.Since = at(t, c.since)
			}
			calendar, err := NewCalendar(backups(t, c.backups), at(t, c.now), limits)
			require.NoError(t, err)
			err = calendar.Err()
			if c.says == "" {
				require.NoError(t, err, "%q", calendar.Lines())
				assert.Empty(t, calendar.Missed)
				assert.Len(t, calendar.Notes, 3)
				assert.Contains(t, calendar.Notes[0], "no backup on Mon 2026-11-23: a diff was expected at 14:00 UTC; "+
					"the policy is of later")
				assert.Contains(t, strings.Join(calendar.Lines(), "\n"), "25 14:00  diff  before the policy")
				return
			}
			for part := range strings.SplitSeq(c.says, "; ") {
				assert.ErrorContains(t, err, "no backup "+part)
			}
		})
	}
}

// The night in which the calendar was moved to a later hour had its backup by the hour of before. One that was not
// taken, and a file that is written without a change, are as they were.
func TestCalendar_MovedToALaterHour(t *testing.T) {
	nightly, err := Parse("p.yml", []byte("full: Sun *-*-* 04:00:00 UTC\ndiff: Mon..Sat *-*-* 04:00:00 UTC\n"))
	require.NoError(t, err)
	twice, err := Parse("p.yml", []byte("full: Sun *-*-* 04:00:00 UTC\ndiff: Mon..Sat *-*-* 04,16:00:00 UTC\n"))
	require.NoError(t, err)
	const nights = "F Sun 02:10; D Mon 02:05; D Tue 02:05; "
	const on = "F Sun 04:10; D Mon 04:05; D Tue 04:05; "
	const wed = "on Wed 2026-11-25: a diff was expected at 04:00 UTC"
	for name, c := range map[string]struct {
		policy                    Policy
		backups, since, now, says string
	}{
		"moved":             {nightly, nights + "D Wed 02:05; D Thu 04:05", "Wed 10:00", "Thu 10:30", ""},
		"days later":        {nightly, nights + "D Wed 02:05; D Thu 04:05; D Fri 04:05", "Wed 10:00", "Fri 10:30", ""},
		"nobody says when":  {nightly, nights + "D Wed 02:05; D Thu 04:05", "", "Thu 10:30", wed},
		"on another day":    {nightly, nights + "D Wed 02:05; D Thu 04:05", "Tue 10:00", "Thu 10:30", wed},
		"not taken before":  {nightly, nights + "D Thu 04:05", "Wed 10:00", "Thu 10:30", wed},
		"not taken since":   {nightly, nights + "D Wed 02:05", "Wed 10:00", "Thu 10:30", wed},
		"written every day": {nightly, on + "D Thu 04:05", "Wed 10:00", "Thu 10:30", wed},
		"written once more": {nightly, nights + "D Wed 02:05; D Thu 04:05; D Fri 04:05", "Thu 9:00", "Fri 10:30", wed},
		"another was missed": {
			nightly, "F Sun 02:10; D Mon 02:05; D Wed 02:05; D Thu 04:05", "Wed 10:00", "Thu 10:30", "on Mon",
		},
		"twice a day": {
			twice, "F Sun 02:10; D Mon 02:05; D Mon 14:05; D Tue 02:05; D Tue 14:05; D Wed 02:05; D Wed 16:05",
			"Wed 10:00", "Wed 17:00", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.policy.Schedule
			limits := Limits{FullAge: s.FullAge(), BackupAge: s.BackupAge(), Schedule: s}
			if c.since != "" {
				limits.Since = at(t, c.since)
			}
			calendar, err := NewCalendar(backups(t, c.backups), at(t, c.now), limits)
			require.NoError(t, err)
			if c.says != "" {
				assert.ErrorContains(t, calendar.Err(), c.says)
				return
			}
			require.NoError(t, calendar.Err(), "%q", calendar.Lines())
			assert.Empty(t, calendar.Missed)
			assert.Equal(t, []string{
				"no backup " + wed + "; the policy is of later, and was the first to have that hour",
			}, calendar.Notes)
			assert.Contains(t, strings.Join(calendar.Lines(), "\n"), "before the policy")
		})
	}
}

// A policy is of the time when its file was written.
func TestRead_Since(t *testing.T) {
	file, written := filepath.Join(t.TempDir(), "p.yml"), time.Unix(1790000000, 0)
	require.NoError(t, os.WriteFile(file, []byte("retention_full: 5\n"), 0o600))
	require.NoError(t, os.Chtimes(file, written, written))
	p, err := Read(file)
	require.NoError(t, err)
	assert.True(t, p.Since.Equal(written))
	assert.True(t, Mission().Since.IsZero())
}
