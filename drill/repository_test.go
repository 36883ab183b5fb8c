package drill

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"veza.fr/recovery/internal/measure"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
)

// doubtfulTimeout is how long pgBackRest may try a store whose certificate looks
// wrong to us before we are believed; it would go on for minutes.
const doubtfulTimeout = 20 * time.Second

// askInfo asks the repository for its backups. The command's exit status is 0
// whatever it finds (facts A3), so the status inside the answer decides.
func (d *drill) askInfo(ctx context.Context) (pgbackrest.Stanza, error) {
	if d.trouble != nil {
		d.note("warning: the object store's certificate looks wrong: %s", d.trouble)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, doubtfulTimeout,
			reason.Errorf(reason.UntrustedCertificate, "the object store's certificate is not accepted: %w", d.trouble))
		defer cancel()
		d.client.Doubt = true
	}
	info, err := d.client.Info(ctx)
	if errors.Is(err, pgbackrest.ErrUnreadableInfo) {
		return info, d.unreadable(ctx, err.Error())
	}
	if err != nil {
		return info, reason.Wrap(reason.RepoUnreachable, err)
	}
	status := info.RepoStatus(d.settings.Repo)
	switch status.Code {
	case pgbackrest.StatusMissingPath, pgbackrest.StatusNoBackups:
		return info, reason.Errorf(reason.NoBackup, "stanza %s, repository %d: %s", d.stanza, d.settings.Repo, status.Message)
	case pgbackrest.StatusMissingData:
		return info, d.missingData(ctx, status.Message)
	case pgbackrest.StatusError:
		return info, d.unreadable(ctx, status.Message)
	}
	return info, nil
}

// missingData tells a stanza that holds nothing from one that lost its backup.info.
func (d *drill) missingData(ctx context.Context, message string) error {
	files, err := d.client.List(ctx, "backup/"+d.stanza)
	if err != nil {
		return reason.Wrap(reason.RepoUnreachable, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file.Path, "/backup.manifest") {
			return reason.Errorf(reason.RepoCorrupt, "stanza %s has backups, but backup.info and its copy are missing (%s)", d.stanza, message)
		}
	}
	return reason.Errorf(reason.NoBackup, "stanza %s, repository %d: %s", d.stanza, d.settings.Repo, message)
}

// unreadable finds out why backup.info or archive.info cannot be read. A wrong
// passphrase and a damaged file look alike there, so every info file is asked: when
// one opens, the passphrase is right.
func (d *drill) unreadable(ctx context.Context, message string) error {
	if why, ok := pgbackrest.Classify(0, message); ok {
		return reason.Errorf(why, "pgbackrest info: %s", pgbackrest.Printable(message))
	}
	encrypted, seen := d.conf.parsed.Repo(d.stanza, d.settings.Repo).Encrypted(), false
	for _, name := range []string{"archive/%s/archive.info", "archive/%s/archive.info.copy", "backup/%s/backup.info", "backup/%s/backup.info.copy"} {
		content, err := d.client.Get(ctx, fmt.Sprintf(name, d.stanza))
		switch {
		case errors.Is(err, pgbackrest.ErrNoFile):
			continue
		case err != nil && !pgbackrest.Damaged(err): // the store or this machine, since then: no word on the passphrase
			return reason.Wrap(reason.RepoUnreachable, err)
		case err == nil && strings.Contains(string(content), "[backrest]"):
			return reason.Errorf(reason.RepoCorrupt, "backup.info or archive.info of the stanza is missing or damaged: %s", pgbackrest.Printable(message))
		case err == nil && strings.HasPrefix(string(content), "Salted__"):
			return reason.Errorf(reason.WrongCipher, "the repository is encrypted, and the conf has no repo%d-cipher-type", d.settings.Repo)
		}
		seen = true
	}
	if encrypted && seen {
		return reason.Errorf(reason.WrongCipher, "repo%d-cipher-pass opens neither backup.info nor archive.info", d.settings.Repo)
	}
	return reason.Errorf(reason.RepoCorrupt, "neither backup.info nor archive.info can be read: %s", pgbackrest.Printable(message))
}

// chooseSet pins the set: chosen once, restored by its label.
func (d *drill) chooseSet(context.Context) error {
	d.backups = d.info.Backups(d.settings.Repo)
	set, err := d.wantedSet()
	if err != nil {
		return err
	}
	d.set = set
	age := time.Since(set.Stopped())
	if age < -5*time.Second {
		return reason.Errorf(reason.ClockSkew, "backup %s ended %s from now: the clock here or on the primary is wrong", set.Label, -age.Round(time.Second))
	}
	measure.Label(d.step_, "backup_label", set.Label)
	measure.Label(d.step_, "backup_type", set.Type)
	d.age = max(age, 0)
	d.say("backup set %s, %s, %s old", set.Label, bytes(set.Info.Size), age.Round(time.Second))
	return nil
}

func (d *drill) wantedSet() (pgbackrest.Backup, error) {
	var good []pgbackrest.Backup
	for _, b := range d.backups {
		if b.Error != nil && *b.Error {
			d.note("backup set %s has page checksum errors and is passed over", b.Label)
			continue
		}
		good = append(good, b)
	}
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
	if d.settings.Target.Kind != settings.TargetEnd && len(good) > 0 {
		return pgbackrest.Backup{}, reason.Errorf(reason.ConfigInvalid, "-target %s lies before the oldest fitting backup: outside the recovery window", d.settings.Target)
	}
	return pgbackrest.Backup{}, reason.Errorf(reason.NoBackup, "stanza %s, repository %d: no backup set fits -set %s among %d (%s)",
		d.stanza, d.settings.Repo, d.settings.Set, len(d.backups), labels(d.backups))
}

// before says whether a set ended before the target, as it must to reach it.
func (d *drill) before(b pgbackrest.Backup) bool {
	switch d.settings.Target.Kind {
	case settings.TargetTime:
		return b.Stopped().Before(d.settings.Target.Time)
	case settings.TargetLSN:
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
