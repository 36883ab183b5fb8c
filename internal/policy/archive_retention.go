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

// RetentionOfArchive is that of a conf, of the command that expires which leaves least of a cluster's archive whole:
// WAL that either of them took is gone. all and of are the backups as in WholeFrom.
func RetentionOfArchive(
	conf *pgbackrest.Config, stanza string, key int, all, of []pgbackrest.Backup,
) (r ArchiveRetention) {
	for _, command := range expiring(conf, stanza) {
		other := archiveRetention(conf, stanza, key, command)
		from, _ := r.WholeFrom(all, of)
		if later, ok := other.WholeFrom(all, of); r.Backups == 0 || ok && later > from {
			r = other
		}
	}
	return r
}

// expiring are the commands that expire, each with the options of its own section: a backup expires when it is done,
// with what it was started with (src/main.c), unless expire-auto keeps it from that.
func expiring(conf *pgbackrest.Config, stanza string) []string {
	if conf.Option(stanza, "backup", "expire-auto") == "n" {
		return []string{"expire"}
	}
	return []string{"expire", "backup"}
}

// KeptDiffs is repo-retention-diff, the least of the commands that expire; 0 where none has one. A value that is no
// number is for the policy to judge.
func KeptDiffs(conf *pgbackrest.Config, stanza string, key int) (kept int) {
	for _, command := range expiring(conf, stanza) {
		n, err := strconv.Atoi(conf.Option(stanza, command, fmt.Sprintf("repo%d-retention-diff", key)))
		if err == nil && n > 0 && (kept == 0 || n < kept) {
			kept = n
		}
	}
	return kept
}

// archiveRetention is what one command sees, with the defaults of cfgLoadUpdateOption (src/config/load.c): without
// repo-retention-archive, as many fulls or diffs as are kept.
func archiveRetention(conf *pgbackrest.Config, stanza string, key int, command string) (r ArchiveRetention) {
	read := func(option string) (pgbackrest.Line, bool) {
		return conf.Line(stanza, command, fmt.Sprintf("repo%d-retention-%s", key, option))
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
