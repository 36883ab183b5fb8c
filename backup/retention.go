package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/suite"
)

// series are the backups the claim takes. Together with the full and the diff that a
// seeded repository begins with, they are more of either kind than the policy keeps.
var series = []string{"full", "diff", "full", "diff", "full", "diff", "full", "diff", "diff"}

// retentionHolds is the claim retention: after more backups than the policy keeps, exactly
// the right ones remain, with exactly the archive they need, and the oldest restores.
func retentionHolds(ctx context.Context, out suite.Out, in opened) error {
	if err := in.needBackups(); err != nil {
		return err
	}
	now, taken := in, slices.Clone(in.backups)
	for _, kind := range series {
		var err error
		if now, err = takeBackup(ctx, out, in, kind); err != nil {
			return err
		}
		taken = append(taken, now.newest())
		if err = keepsExactly(taken, labels(now.backups)); err != nil {
			return err // a policy that keeps too little is seen early
		}
	}
	out.Note("%d backups were taken, %d are kept: %s",
		len(taken), len(now.backups), strings.Join(labels(now.backups), ", "))
	if len(now.backups) == len(taken) {
		return reason.Errorf(reason.RetentionWrong,
			"%d backups were taken and none was expired: nothing is proved", len(taken))
	}
	if err := archiveOfKept(ctx, out, now); err != nil {
		return err
	}
	return oldestRestores(ctx, out, now)
}

// takeBackup takes a backup and lists the repository again, where it is the newest one.
func takeBackup(ctx context.Context, out suite.Out, in opened, kind string) (opened, error) {
	if err := in.Seeded.Pgbackrest(ctx, "backup", "--type="+kind); err != nil {
		return in, reason.Wrap(reason.SandboxFailed, err)
	}
	now, err := in.listAgain(ctx, out)
	if err != nil {
		return now, err
	}
	out.Say("%s, the %s is one of %d", now.newest().Label, kind, len(now.backups))
	return now, isListed(now.newest(), kind)
}

// isListed says whether the newest backup that is listed is of the kind that was taken.
func isListed(newest pgbackrest.Backup, kind string) error {
	if newest.Type == kind {
		return nil
	}
	return reason.Errorf(reason.RetentionWrong,
		"a %s backup was taken, and the newest one that is listed is %s", kind, newest.Label)
}

// keepsExactly compares what is listed with what the policy keeps of all that was taken.
func keepsExactly(taken []pgbackrest.Backup, listed []string) error {
	want := policy.Keep(taken, policy.Fulls, policy.Diffs)
	gone, more := without(want, listed), without(listed, want)
	if len(gone)+len(more) == 0 {
		return nil
	}
	return reason.Errorf(reason.RetentionWrong,
		"the policy keeps %d fulls and %d diffs: gone although it keeps them: %s; there although it does not: %s",
		policy.Fulls, policy.Diffs, orNone(strings.Join(gone, ", ")), orNone(strings.Join(more, ", ")))
}

// archiveOfKept proves that the archive is what the kept backups need: no more, no less.
func archiveOfKept(ctx context.Context, out suite.Out, in opened) error {
	oldest := in.backups[0]
	size, err := in.Client.SegmentSize(ctx, in.directory(oldest), oldest, in.backups)
	if err != nil {
		return err
	}
	start, err := repository.Start(oldest, size)
	if err != nil {
		return err
	}
	archive, chain, err := in.Client.Follow(ctx, out, in.directory(oldest), start, size)
	if err != nil {
		return err
	}
	if findings := policy.CheckArchive(archive.Archive, in.backups); len(findings) > 0 {
		return reason.Errorf(reason.RetentionWrong,
			"the archive is not what the kept backups need: %s", strings.Join(findings, "; "))
	}
	out.Say("the archive begins with %s, which %s needs, and holds %d segments",
		chain.Entries[0].Name, oldest.Label, len(chain.Entries))
	return nil
}

// oldestRestores restores the oldest backup with all the archive after it, and counts users.
func oldestRestores(ctx context.Context, out suite.Out, in opened) error {
	oldest := in.backups[0]
	want, err := countSeeded(ctx, in)
	if err != nil {
		return err
	}
	got, err := restoreAndCount(ctx, out, in, oldest)
	if err != nil {
		return fmt.Errorf("restore the oldest backup that is kept, %s: %w", oldest.Label, err)
	}
	if got != want {
		return reason.Errorf(reason.TooFewRows,
			"backup %s came back with %d rows in users, the cluster has %d", oldest.Label, got, want)
	}
	out.Note("the oldest backup that is kept, %s, restores: %d users", oldest.Label, got)
	return nil
}

// countSeeded counts the users in the seeded cluster; nobody adds any.
func countSeeded(ctx context.Context, in opened) (users int64, err error) {
	conn, err := in.Primary(ctx)
	if err != nil {
		return 0, err
	}
	err = conn.QueryRow(ctx, countUsers).Scan(&users)
	return users, reason.Wrap(reason.SandboxFailed, errors.Join(err, conn.Close(ctx)))
}
