package backup

import (
	"context"
	"strings"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// filesAreIntact is the claim integrity: pgbackrest verify reads every file of the
// repository. What it prints counts: its exit status proves nothing (facts A4). It is about
// the backups that are listed before and after it: what comes or expires meanwhile is
// nobody's fault, and the claim retention may have taken and expired some. With -verify-cycle it reads a share.
func filesAreIntact(ctx context.Context, out suite.Out, in opened) error {
	if err := in.needBackups(); err != nil {
		return err
	}
	if in.Settings.VerifyCycle > 0 {
		return shareIsIntact(ctx, out, in)
	}
	before, err := in.listAgain(ctx, out)
	if err != nil {
		return err
	}
	found, err := in.Client.Pgbackrest.Verify(ctx)
	if err != nil {
		return err
	}
	after, err := in.listAgain(ctx, out)
	if err != nil {
		return err
	}
	listed := both(labels(before.backups), labels(after.backups))
	read, wrong := found.Files(listed)
	out.Metric("verified_files", float64(read))
	out.Metric("invalid_files", float64(wrong))
	out.Say("pgbackrest verify: status %s, %d files and segments read, %d of them wrong", found.Status, read, wrong)
	problems, notes := found.Problems(listed)
	for _, text := range notes {
		out.Note("%s", text)
	}
	return damage(problems, read)
}

// damage is what the answer of verify comes to. One that read nothing proves nothing.
func damage(problems []string, read int) error {
	switch {
	case len(problems) > 0:
		return reason.Errorf(reason.RepoCorrupt, "pgbackrest verify: %s", strings.Join(problems, "; "))
	case read == 0:
		return reason.Errorf(reason.RepoCorrupt, "pgbackrest verify read no file: nothing is proved")
	}
	return nil
}
