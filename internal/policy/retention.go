package policy

import (
	"fmt"
	"slices"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/wal"
)

// What the mission's policy keeps, by pgBackRest's options repo-retention-full and -diff. The
// archive is kept for as many full backups (repo-retention-archive, 4). Seeded clusters keep as much.
const (
	Fulls = 4
	Diffs = 7
)

// Keep is what must remain of all backups that were ever taken, oldest first, after an
// expire. The rules are pgBackRest's (facts A2, compared with 2.45): the newest fulls stay,
// and what depends on one goes with it; a diff stays when it is among the newest diffs,
// where a full counts as one; an incr goes with what it stands on.
func Keep(taken []pgbackrest.Backup, fulls, diffs int) []string {
	gone := map[string]bool{}
	for position, i := 0, len(taken)-1; i >= 0; i-- {
		if taken[i].Type == "full" {
			position++
			gone[taken[i].Label] = position > fulls
		}
	}
	for position, i := 0, len(taken)-1; i >= 0; i-- {
		if taken[i].Type == "incr" {
			continue
		}
		position++
		if taken[i].Type == "diff" {
			gone[taken[i].Label] = position > diffs
		}
	}
	var kept []string
	for _, backup := range taken { // what a backup stands on comes before it
		if backup.Prior != nil && gone[*backup.Prior] {
			gone[backup.Label] = true
		}
		if !gone[backup.Label] {
			kept = append(kept, backup.Label)
		}
	}
	return kept
}

// CheckArchive compares an archive with the backups that are kept: it must begin with the
// segment the oldest of them needs. That nothing is missing after that is for
// wal.Archive.Follow to prove. Findings are sentences; no finding is a pass.
func CheckArchive(archive wal.Archive, kept []pgbackrest.Backup) (findings []string) {
	if len(kept) == 0 {
		return []string{"no backup is kept, so no segment is needed"}
	}
	first, err := wal.ParseSegment(kept[0].Archive.Start, archive.SegmentSize)
	if err != nil {
		return []string{fmt.Sprintf("backup %s names no WAL range: %v", kept[0].Label, err)}
	}
	if len(archive.Entries[first]) == 0 {
		findings = append(findings,
			fmt.Sprintf("%s is missing, which the oldest backup %s begins with", kept[0].Archive.Start, kept[0].Label))
	}
	var more []string
	for segment := range archive.Entries {
		if segment.Number < first.Number {
			more = append(more, segment.Name(archive.SegmentSize))
		}
	}
	slices.Sort(more)
	if len(more) > 0 {
		findings = append(findings, fmt.Sprintf(
			"%d segments that no backup needs are still there: %s to %s; the oldest backup %s begins with %s",
			len(more), more[0], more[len(more)-1], kept[0].Label, kept[0].Archive.Start))
	}
	return findings
}
