package backup

import (
	"context"
	"strings"

	"veza.fr/recovery/internal/reason"
)

// integrity is the claim integrity: pgbackrest verify reads every file of the
// repository. What it prints counts: its exit status proves nothing (facts A4).
func (b *check) integrity(ctx context.Context) error {
	if err := b.needInfo(); err != nil {
		return err
	}
	before := labels(b.backups)
	found, err := b.repo.Client.Verify(ctx)
	if err != nil {
		return err
	}
	if err = b.list(ctx); err != nil { // what was expired meanwhile is nobody's fault
		return err
	}
	listed := both(before, labels(b.backups))
	read, wrong := found.Files(listed)
	b.metric("verified_files", float64(read))
	b.metric("invalid_files", float64(wrong))
	b.say("pgbackrest verify: status %s, %d files and segments read, %d of them wrong", found.Status, read, wrong)
	problems, notes := found.Problems(listed)
	for _, text := range notes {
		b.note("%s", text)
	}
	if len(problems) > 0 {
		return reason.Errorf(reason.RepoCorrupt, "pgbackrest verify: %s", strings.Join(problems, "; "))
	}
	if read == 0 {
		return reason.Errorf(reason.RepoCorrupt, "pgbackrest verify read no file: nothing is proved")
	}
	return nil
}

// both are the words that are in both lists.
func both(list, other []string) []string { return without(list, without(list, other)) }
