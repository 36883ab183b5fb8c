package drill

import (
	"context"
	"fmt"
	"strings"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
)

// chooseSet pins the set: chosen once, restored by its label.
func (d *drill) chooseSet(ctx context.Context) error {
	d.backups = d.info.Backups(d.settings.Repo)
	set, err := d.wantedSet(ctx)
	if err != nil {
		return err
	}
	d.set = set
	age := time.Since(set.Stopped())
	if age < -5*time.Second {
		return reason.Errorf(reason.ClockSkew, "backup %s ended %s from now: the clock here or on the primary is wrong", set.Label, -age.Round(time.Second))
	}
	suite.Label(d.step_, "backup_label", set.Label)
	suite.Label(d.step_, "backup_type", set.Type)
	d.age = max(age, 0)
	d.say("backup set %s, %s, %s old", set.Label, bytes(set.Info.Size), age.Round(time.Second))
	return nil
}

func (d *drill) wantedSet(ctx context.Context) (pgbackrest.Backup, error) {
	var good []pgbackrest.Backup
	for _, b := range d.backups {
		if b.Error != nil && *b.Error {
			d.note("backup set %s has page checksum errors and is passed over", b.Label)
			continue
		}
		good = append(good, b)
	}
	if kind := d.settings.Target.Kind; (kind == target.Random || kind == target.Timeline) && len(good) > 0 {
		return d.aim(ctx, good)
	}
	return d.fixedSet(good)
}

// fixedSet is what -set asks for.
func (d *drill) fixedSet(good []pgbackrest.Backup) (pgbackrest.Backup, error) {
	if d.settings.Set != settings.SetLatest && d.settings.Set != settings.SetLatestDiff {
		set, ok := pgbackrest.Find(d.backups, d.settings.Set)
		if !ok {
			return set, reason.Errorf(reason.ConfigInvalid, "-set %s: the repository does not list it; it has %s", d.settings.Set, labels(d.backups))
		}
		if !d.before(set) { // recovery would stop at its end, behind the target, and look right
			return set, reason.Errorf(reason.ConfigInvalid, "-target %s lies before the end of -set %s: outside the recovery window", d.settings.Target, set.Label)
		}
		return set, nil
	}
	for i := len(good) - 1; i >= 0; i-- {
		if (d.settings.Set == settings.SetLatest || good[i].Type == "diff") && d.before(good[i]) {
			return good[i], nil
		}
	}
	if d.settings.Target.Kind != target.End && len(good) > 0 {
		return pgbackrest.Backup{}, reason.Errorf(reason.ConfigInvalid, "-target %s lies before the oldest fitting backup: outside the recovery window", d.settings.Target)
	}
	return pgbackrest.Backup{}, reason.Errorf(reason.NoBackup, "stanza %s, repository %d: no backup set fits -set %s among %d (%s)",
		d.stanza, d.settings.Repo, d.settings.Set, len(d.backups), labels(d.backups))
}

// before says whether a set ended before the target, as it must to reach it.
func (d *drill) before(b pgbackrest.Backup) bool {
	switch d.settings.Target.Kind {
	case target.Time:
		return b.Stopped().Before(d.settings.Target.Time)
	case target.LSN:
		return b.LSN == nil || lsn(b.LSN.Stop) < lsn(d.settings.Target.LSN)
	}
	return true
}

func labels(backups []pgbackrest.Backup) string {
	var list []string
	for _, b := range backups {
		list = append(list, b.Label)
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func bytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
