package backup

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"veza.fr/recovery/internal/policy"
)

// cadence is the claim cadence: the backups of the calendar are there, and the newest
// ones are young enough, by the time they stopped.
func (b *check) cadence(context.Context) error {
	if err := b.needInfo(); err != nil {
		return err
	}
	now := time.Now()
	calendar, err := policy.NewCalendar(b.backups, now, policy.Limits{
		FullAge: b.settings.FullAge, BackupAge: b.settings.BackupAge, Diffs: b.keptDiffs(),
	})
	if err != nil {
		return err
	}
	for _, line := range calendar.Lines() {
		b.say("%s", line)
	}
	for _, text := range calendar.Notes {
		b.note("%s", text)
	}
	counts := map[string]float64{"full": 0, "diff": 0, "incr": 0}
	for _, backup := range b.backups {
		counts[backup.Type]++
	}
	for kind, n := range counts {
		b.metric("backups", n, "type", kind)
	}
	b.metric("missed_backups", float64(len(calendar.Missed)))
	for i := len(b.backups) - 1; i >= 0; i-- {
		if b.backups[i].Type == "full" {
			b.metric("newest_full_age_seconds", now.Sub(b.backups[i].Stopped()).Seconds())
			break
		}
	}
	b.metric("newest_backup_age_seconds", now.Sub(b.newest().Stopped()).Seconds())
	return calendar.Err()
}

// keptDiffs is the retention of differential backups in the conf, 0 for none.
func (b *check) keptDiffs() int {
	n, err := strconv.Atoi(b.repo.Conf.Option(b.stanza, "expire", fmt.Sprintf("repo%d-retention-diff", b.settings.Repo)))
	if err != nil {
		return 0 // what stands there is for the policy to judge
	}
	return n
}
