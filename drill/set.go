package drill

import (
	"fmt"
	"slices"
	"strings"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/versions"
	"veza.fr/recovery/internal/wal"
)

// wanted is which set the operator asked for, and the target it must reach.
type wanted struct {
	stanza string
	repo   int
	set    string // a label, settings.SetLatest or settings.SetLatestDiff
	target target.Target
}

// usable are the sets without page checksum errors; the others are named. asked is option -set.
func usable(out suite.Out, backups []pgbackrest.Backup, version, asked string) (good []pgbackrest.Backup) {
	for i, b := range backups {
		if b.Damaged() {
			if b.Label == asked {
				out.Note("backup set %s has page checksum errors: it is what -set asks for, and a check finds such "+
					"a page only where it reads it; veza-restore refuses the set without -accept-loss", b.Label)
				continue
			}
			byDefault := ""
			if i == len(backups)-1 { // option set: the newest, with errors or without
				byDefault = "; `pgbackrest restore` takes it, unless --set names another"
				if versions.RestoreRefusesPages.In(version) {
					byDefault += ", and then ends at such a page, unless checksum-page-error=n"
				}
			}
			out.Note("backup set %s has page checksum errors and is passed over%s", b.Label, byDefault)
			continue
		}
		good = append(good, b)
	}
	return good
}

// explicit says whether a label names the set.
func (w wanted) explicit() bool {
	return w.set != settings.SetLatest && w.set != settings.SetLatestDiff
}

// older says whether a set is not the newest that could be taken, though no label asked for it.
func (w wanted) older(good []pgbackrest.Backup, set pgbackrest.Backup) bool {
	return !w.explicit() && len(good) > 0 && set.Label != good[len(good)-1].Label
}

// newest is the newest set that is usable, or was chosen all the same.
func newest(backups []pgbackrest.Backup, chosen pgbackrest.Backup) pgbackrest.Backup {
	for _, b := range slices.Backward(backups) {
		if b.Label == chosen.Label || !b.Damaged() {
			return b
		}
	}
	return chosen
}

// choose is the set that is asked for: by its label among all, else the newest good one that
// ended before the target.
func (w wanted) choose(all, good []pgbackrest.Backup) (pgbackrest.Backup, error) {
	if w.explicit() {
		set, ok := pgbackrest.Find(all, w.set)
		if !ok {
			return set, reason.Errorf(reason.ConfigInvalid, "-set %s: the repository does not list it; it has %s",
				w.set, labels(all))
		}
		if !reaches(set, w.target) { // recovery would stop at its end, after the target, and look right
			return set, reason.Errorf(reason.ConfigInvalid,
				"-target %s lies before the end of -set %s: outside the recovery window", w.target, set.Label)
		}
		return set, nil
	}
	for i := len(good) - 1; i >= 0; i-- {
		if (w.set == settings.SetLatest || good[i].Type == "diff") && reaches(good[i], w.target) {
			return good[i], nil
		}
	}
	if w.target.Kind != target.End && len(good) > 0 {
		return pgbackrest.Backup{}, reason.Errorf(reason.ConfigInvalid,
			"-target %s lies before the oldest fitting backup: outside the recovery window", w.target)
	}
	return pgbackrest.Backup{}, reason.Errorf(reason.NoBackup,
		"stanza %s, repository %d: no backup set fits -set %s among %d (%s)", w.stanza, w.repo, w.set, len(all),
		labels(all))
}

// presentCluster refuses a set of the cluster before a stanza-upgrade, unless it was asked for by its label or by a
// target: nothing that was written since the upgrade would come back from it. Asked for, it is named.
func (w wanted) presentCluster(
	out suite.Out, info pgbackrest.Stanza, good []pgbackrest.Backup, set pgbackrest.Backup,
) error {
	now, upgraded := info.UpgradedSince(set)
	if !upgraded {
		return nil
	}
	text := fmt.Sprintf("the stanza was upgraded to another cluster (PostgreSQL %s, system identifier %d), and backup "+
		"set %s is of the one before", now.Version, now.SystemID, set.Label)
	explicit := w.explicit()
	switch w.target.Kind {
	case target.Time, target.LSN, target.Name:
		explicit = true
	}
	if explicit {
		out.Label(suite.LeftLabel, "PostgreSQL "+info.Version(set))
		out.Note("%s: nothing of the present cluster comes back from it", text)
		return nil
	}
	present := slices.DeleteFunc(slices.Clone(good), func(b pgbackrest.Backup) bool {
		_, before := info.UpgradedSince(b)
		return before
	})
	if len(present) > 0 {
		return reason.Errorf(reason.NoBackup, "%s: none of the present cluster fits -set %s yet, it has %s", text,
			w.set, labels(present))
	}
	return reason.Errorf(reason.NoBackup, "%s: there is no backup of the present cluster that could be taken: "+
		"take a full one now", text)
}

// reaches says whether a set ended before the target, as it must to reach it.
func reaches(b pgbackrest.Backup, wanted target.Target) bool {
	switch wanted.Kind {
	case target.Time:
		return b.Stopped().Before(wanted.Time)
	case target.LSN:
		return b.LSN == nil || lsn(b.LSN.Stop) < lsn(wanted.LSN)
	}
	return true
}

// lsn reads a position that was checked before; what is none is 0.
func lsn(text string) wal.LSN { position, _ := wal.ParseLSN(text); return position }

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

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
