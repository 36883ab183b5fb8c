package backup

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// Backups of an hour ago are in time, on an evening when none is due; the measurements say what
// is there. The moment is fixed: what is due depends on the day of the week.
func TestBackupsAreDaily(t *testing.T) {
	evening := time.Date(2026, 11, 28, 22, 0, 0, 0, time.UTC) // a Saturday
	backups := of("1F", "2D", "3I", "4D")
	for i := range backups {
		backups[i].Timestamp.Start = evening.Add(-time.Hour).Unix()
		backups[i].Timestamp.Stop = backups[i].Timestamp.Start + int64(i)
	}
	in := sourceOf(t, rightConf, listing{backups: backups})
	in.Settings.FullAge, in.Settings.BackupAge = 2*time.Hour, 2*time.Hour
	out, said := listen()
	require.NoError(t, dailyAt(out, in, evening, nobody))
	all := strings.Join(said.attrs, "\n")
	for _, metric := range []string{
		`metric.backups{type="full"}=1`, `metric.backups{type="diff"}=2`, `metric.backups{type="incr"}=1`,
		"metric.missed_backups=0", "metric.newest_full_age_seconds=36", "metric.newest_backup_age_seconds=3",
		"metric.newest_full_age_budget_seconds=7200", "metric.newest_backup_age_budget_seconds=7200",
		"note=backup 3I is incremental",
	} {
		assert.Contains(t, all, metric)
	}
	in.Settings.FullAge = time.Hour / 2
	requireReason(t, reason.BackupMissed, dailyAt(out, in, evening, nobody))

	in.Settings.FullAge = 24 * time.Hour
	in.Settings.BackupAge = 24 * time.Hour
	err := dailyAt(out, in, evening.Add(5*time.Hour), nobody)
	requireReason(t, reason.BackupMissed, err)
	require.ErrorContains(t, err, "a full was expected at 02:00 UTC")
}

// nobody takes a backup.
func nobody() ([]pgbackrest.Unlisted, error) { return nil, nil }

// A backup that is being taken is not missed, and who takes one is asked only where one seems to be missing.
func TestBackupsAreDaily_WhileOneIsBeingTaken(t *testing.T) {
	backups := of("20261127-020500F", "20261128-020500D")
	for i := range backups {
		start := time.Date(2026, 11, 27+i, 2, 5, 0, 0, time.UTC)
		backups[i].Timestamp.Start, backups[i].Timestamp.Stop = start.Unix(), start.Add(3*time.Hour).Unix()
	}
	in := sourceOf(t, rightConf, listing{backups: backups})
	in.Settings.FullAge, in.Settings.BackupAge = 192*time.Hour, 26*time.Hour
	asked := 0
	taken := func(saved time.Time, err error) func() ([]pgbackrest.Unlisted, error) {
		return func() ([]pgbackrest.Unlisted, error) {
			asked++
			return []pgbackrest.Unlisted{{Label: "20261129-020500F", Saved: saved}}, err
		}
	}
	now := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	out, said := listen()
	require.NoError(t, dailyAt(out, in, now, taken(now.Add(-20*time.Minute), nil)))
	assert.Contains(t, strings.Join(said.attrs, "\n"), "note=backup 20261129-020500F has been taken since 2026-11-29")
	requireReason(t, reason.BackupMissed, dailyAt(out, in, now, taken(now.Add(-5*time.Hour), nil)))
	requireReason(t, reason.BackupMissed, dailyAt(out, in, now, func() ([]pgbackrest.Unlisted, error) {
		return nil, errors.New("no answer")
	}))
	assert.Contains(t, strings.Join(said.attrs, "\n"), "whether a backup is being taken could not be seen: no answer")
	asked = 0
	require.NoError(t, dailyAt(out, in, now.Add(-6*time.Hour), taken(now, nil)))
	assert.Zero(t, asked)
}

// Each type is measured, also the one that is not there.
func TestCountTypes(t *testing.T) {
	assert.Equal(t, map[string]int{"full": 2, "diff": 1, "incr": 0}, countTypes(of("1F", "2D", "3F")))
	assert.Equal(t, map[string]int{"full": 0, "diff": 0, "incr": 0}, countTypes(nil))
}

func TestNewestFull(t *testing.T) {
	full, ok := newestFull(of("1F", "2F", "3D"))
	assert.True(t, ok)
	assert.Equal(t, "2F", full.Label)
	_, ok = newestFull(of("3D"))
	assert.False(t, ok)
}

// What is not there may have been expired by a repository host whose retention this conf does not know: only the newest
// slots are judged then.
func TestBackupsAreDaily_RepositoryHost(t *testing.T) {
	const host = "[global]\nrepo1-host=backup.veza.test\n[veza]\npg1-path=/p\n"
	backups := of("1F", "2D", "3D")
	for i, day := range []int{22, 24, 26} { // of Sunday to Thursday, every other one
		start := time.Date(2026, 11, day, 2, 30, 0, 0, time.UTC)
		backups[i].Timestamp.Start, backups[i].Timestamp.Stop = start.Unix(), start.Unix()+60
	}
	for name, c := range map[string]struct {
		conf  string
		day   int
		notes int
		want  reason.Reason
	}{
		"expired on the host":     {host, 26, 1, ""},
		"missed since the newest": {host, 28, 1, reason.BackupMissed},
		"retention is known": {
			strings.Replace(host, "[veza]", "repo1-retention-diff=3\n[veza]", 1), 26, 0, reason.BackupMissed,
		},
		"no host, all are kept": {
			strings.Replace(host, "repo1-host=backup.veza.test", "", 1), 26, 0, reason.BackupMissed,
		},
		"the least is kept": {
			strings.Replace(rightConf, "[veza]", "[global:backup]\nrepo1-retention-diff=1\n[veza]", 1), 26, 0, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := sourceOf(t, c.conf, listing{backups: backups})
			in.Settings.FullAge, in.Settings.BackupAge = 192*time.Hour, 72*time.Hour
			out, said := listen()
			requireReason(t, c.want, dailyAt(out, in, time.Date(2026, 11, c.day, 22, 0, 0, 0, time.UTC), nobody))
			all := strings.Join(said.attrs, "\n")
			assert.Equal(t, c.notes, strings.Count(all, "note=this conf sets no repo1-retention-diff"))
		})
	}
}
