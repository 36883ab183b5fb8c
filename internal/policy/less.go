package policy

import (
	"fmt"
	"slices"
	"strings"

	"veza.fr/recovery/internal/pgbackrest"
)

// needed are parts of the data directory without which a cluster does not come back, or not with all of its data.
var needed = []string{
	"base", "global", "pg_tblspc", "pg_xact", "pg_clog", "pg_multixact", "pg_commit_ts", "pg_twophase", "PG_VERSION",
}

// neededEmpty are directories that PostgreSQL opens when it starts, or at a checkpoint, and whose content a backup does
// not need.
var neededEmpty = []string{
	"pg_logical/mappings", "pg_logical/snapshots", "pg_notify", "pg_replslot", "pg_subtrans", "pg_wal", "pg_xlog",
}

// neededInside are those that hold such directories: what is in them must be there as well.
var neededInside = []string{"pg_logical", "pg_logical/"}

// holdsLess are findings on paths that a backup leaves out although a restore needs them. Logs, temporary files and
// what somebody put into the data directory are no loss.
func holdsLess(conf *pgbackrest.Config, stanza string) (findings []string) {
	for _, line := range conf.Lines(stanza, "backup", "exclude") {
		if lost := lostWith(line.Value); lost != "" {
			findings = append(findings, fmt.Sprintf("%s: %s: %s; take it out", line.Place(), written(line), lost))
		}
	}
	return findings
}

// lostWith is what a restore lacks without a path of the data directory, "" for nothing. pgBackRest compares it with
// the whole name of each file and directory, and does not look into one that is left out; with / at its end only what
// is in a directory is left out, directories as well.
func lostWith(exclude string) string {
	parts := strings.Split(exclude, "/")
	temporary := slices.ContainsFunc(parts, func(part string) bool {
		return strings.HasPrefix(part, "pgsql_tmp") || part == "pg_internal.init"
	})
	switch {
	case temporary:
		return ""
	case slices.Contains(needed, parts[0]):
		return "no backup holds what lies there, and a restore comes back without it"
	case slices.Contains(neededInside, exclude):
		return "no backup holds the directories in it, and PostgreSQL ends at its first checkpoint without them"
	case slices.Contains(neededEmpty, exclude):
		return "no backup holds the directory, and PostgreSQL does not start without it (with / at the end only what " +
			"is in it is left out)"
	}
	return ""
}

// ConfNotes are options of a conf that break no rule, and that whoever relies on the backups should know.
func ConfNotes(conf *pgbackrest.Config, stanza string) (notes []string) {
	for _, o := range []struct{ command, option, value, means string }{
		{
			"archive-push", "archive-push-queue-max", "",
			"where more WAL than that waits, archive-push drops it and tells PostgreSQL that it is archived: what " +
				"comes after is lost to a recovery until the next backup",
		},
		{"backup", "checksum-page", "n", "pages are not checked when a backup is taken: damage gets into it unseen"},
		{"backup", "archive-check", "n", "a backup is called complete although the WAL it needs may not be archived"},
	} {
		line, set := conf.Line(stanza, o.command, o.option)
		if set && line.Value != "" && (o.value == "" || line.Value == o.value) {
			notes = append(notes, fmt.Sprintf("%s: %s: %s", line.Place(), written(line), o.means))
		}
	}
	return notes
}
