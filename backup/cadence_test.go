package backup

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	require.NoError(t, dailyAt(out, in, evening))
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
	requireReason(t, reason.BackupMissed, dailyAt(out, in, evening))

	in.Settings.FullAge = 24 * time.Hour
	in.Settings.BackupAge = 24 * time.Hour
	err := dailyAt(out, in, evening.Add(5*time.Hour))
	requireReason(t, reason.BackupMissed, err)
	require.ErrorContains(t, err, "a full was expected at 02:00 UTC")
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

func TestKeptDiffs(t *testing.T) {
	for option, want := range map[string]int{"7": 7, "": 0, "seven": 0} {
		assert.Equal(t, want, keptDiffs(option), option)
	}
}
