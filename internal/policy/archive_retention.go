package policy

import (
	"fmt"
	"slices"
	"strconv"

	"veza.fr/recovery/internal/pgbackrest"
)

// ArchiveRetention is how much of the archive `expire` leaves whole: the WAL from one of its
// backups on. Of earlier backups it leaves only what makes each consistent, on purpose.
type ArchiveRetention struct {
	Backups int      // the newest so many count; 0 expires no WAL that a kept backup could use
	Types   []string // of the backups that are counted
	Said    string   // where that stands, for a sentence: repo1-retention-archive=1 (/etc/x.conf:7)
}

// countedTypes are the backups that repo-retention-archive counts, by its type
// (removeExpiredArchive in src/command/expire/expire.c).
var countedTypes = map[string][]string{
	"full": {"full"}, "diff": {"full", "diff"}, "incr": {"full", "diff", "incr"},
}

// RetentionOfArchive is that of a conf, with the defaults of cfgLoadUpdateOption
// (src/config/load.c): without repo-retention-archive, as many fulls or diffs as are kept.
func RetentionOfArchive(conf *pgbackrest.Config, stanza string, key int) (r ArchiveRetention) {
	read := func(option string) (pgbackrest.Line, bool) {
		return conf.Line(stanza, "expire", fmt.Sprintf("repo%d-retention-%s", key, option))
	}
	kind := "full"
	if l, ok := read("archive-type"); ok {
		kind = l.Value
	}
	l, ok := read("archive")
	byTime, _ := read("full-type")
	if !ok && kind != "incr" && (kind != "full" || byTime.Value != "time") {
		l, ok = read(kind)
	}
	n, err := strconv.Atoi(l.Value)
	if !ok || err != nil || n < 1 || countedTypes[kind] == nil {
		return r
	}
	r = ArchiveRetention{Backups: n, Types: countedTypes[kind], Said: fmt.Sprintf("%s (%s)", written(l), l.Place())}
	if kind != "full" {
		r.Said = fmt.Sprintf("%s with repo%d-retention-archive-type=%s (%s)", written(l), key, kind, l.Place())
	}
	return r
}

// WholeFrom is the backup of a cluster from which on the archive is left whole. all are the
// backups of the repository, of are those of the cluster, both oldest first. It is false
// where expire leaves everything: nothing is set, or fewer backups are there than that counts.
func (r ArchiveRetention) WholeFrom(all, of []pgbackrest.Backup) (label string, ok bool) {
	counts := func(b pgbackrest.Backup) bool { return slices.Contains(r.Types, b.Type) }
	var counted, own []string
	for _, b := range all {
		if counts(b) {
			counted = append(counted, b.Label)
		}
	}
	for _, b := range of {
		if counts(b) {
			own = append(own, b.Label)
		}
	}
	if r.Backups == 0 || r.Backups > len(counted) || len(own) == 0 {
		return "", false
	}
	kept := counted[len(counted)-r.Backups:]
	for _, label := range own {
		if slices.Contains(kept, label) {
			return label, true
		}
	}
	return own[len(own)-1], true // none of the cluster is counted any more: its newest is kept recoverable
}
