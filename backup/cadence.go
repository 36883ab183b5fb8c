package backup

import (
	"context"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/suite"
)

// backupsAreDaily is the claim cadence: the backups of the calendar are there, and the newest
// ones are young enough, by the time they stopped.
func backupsAreDaily(ctx context.Context, out suite.Out, in opened) error {
	return dailyAt(out, in, time.Now(), func() ([]pgbackrest.Unlisted, error) {
		return in.Client.Pgbackrest.Unlisted(ctx, labels(in.backups))
	})
}

// dailyAt judges the calendar at a moment. Where a backup seems to be missing it asks for those that are no set yet.
func dailyAt(
	out suite.Out, in opened, now time.Time, unlisted func() ([]pgbackrest.Unlisted, error),
) error {
	if err := in.needBackups(); err != nil {
		return err
	}
	limits := policy.Limits{
		FullAge: in.Settings.FullAge, BackupAge: in.Settings.BackupAge, Diffs: keptDiffs(out, in),
		Schedule: in.Settings.Policy.Schedule, AgeGiven: in.Settings.BackupAgeGiven,
		Since: in.Settings.Policy.Since,
	}
	calendar, err := policy.NewCalendar(in.backups, now, limits)
	if err == nil && calendar.Err() != nil {
		if limits.Unlisted, err = unlisted(); err != nil {
			out.Note("whether a backup is being taken could not be seen: %s", pgbackrest.Printable(err.Error()))
		}
		calendar, err = policy.NewCalendar(in.backups, now, limits)
	}
	if err != nil {
		return err
	}
	for _, line := range calendar.Lines() {
		out.Say("%s", line)
	}
	for _, text := range calendar.Notes {
		out.Note("%s", text)
	}
	for kind, n := range countTypes(in.backups) {
		out.Metric("backups", float64(n), "type", kind)
	}
	out.Metric("missed_backups", float64(len(calendar.Missed)))
	if full, ok := newestFull(in.backups); ok {
		out.Metric("newest_full_age_seconds", now.Sub(full.Stopped()).Seconds())
	}
	out.Metric("newest_backup_age_seconds", now.Sub(in.newest().Stopped()).Seconds())
	out.Metric("newest_full_age_budget_seconds", in.Settings.FullAge.Seconds())
	out.Metric("newest_backup_age_budget_seconds", in.Settings.BackupAge.Seconds())
	return calendar.Err()
}

// countTypes counts backups by type; each type is there, also with none.
func countTypes(backups []pgbackrest.Backup) map[string]int {
	counts := map[string]int{"full": 0, "diff": 0, "incr": 0}
	for _, backup := range backups {
		counts[backup.Type]++
	}
	return counts
}

// newestFull is the youngest full backup of a list, oldest first.
func newestFull(backups []pgbackrest.Backup) (full pgbackrest.Backup, ok bool) {
	for _, backup := range backups {
		if backup.Type == "full" {
			full, ok = backup, true
		}
	}
	return full, ok
}

// keptDiffs is how many full and differential backups are there for sure, 0 for all. Of a repository host whose
// retention is not known here the newest one is: what is missing before it may have been expired.
func keptDiffs(out suite.Out, in opened) int {
	kept, host := policy.KeptDiffs(in.Client.Conf.Config, in.Stanza(), in.Settings.Repo), in.Client.Host()
	if kept == 0 && host != "" {
		out.Note("this conf sets no repo%d-retention-diff, and how many backups are kept is decided on the repository "+
			"host %s: slots before the newest backup are not judged; run the backup checks there", in.Settings.Repo,
			host)
		kept = 1
	}
	return kept
}
