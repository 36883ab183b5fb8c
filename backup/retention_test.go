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
)

// series are the backups the claim takes. Together with the full and the diff that a
// seeded repository begins with, they are more of either kind than the policy keeps.
var series = []string{"full", "diff", "full", "diff", "full", "diff", "full", "diff", "diff"}

// retention is the claim retention: after more backups than the policy keeps, exactly
// the right ones remain, with exactly the archive they need, and the oldest restores.
func (b *check) retention(ctx context.Context) error {
	if err := b.needInfo(); err != nil {
		return err
	}
	taken := slices.Clone(b.backups)
	for _, kind := range series {
		newest, err := b.take(ctx, kind)
		if err != nil {
			return err
		}
		taken = append(taken, newest)
		if err = b.keepsExactly(taken); err != nil { // a policy that keeps too little is seen early
			return err
		}
	}
	b.note("%d backups were taken, %d are kept: %s", len(taken), len(b.backups), strings.Join(labels(b.backups), ", "))
	if len(b.backups) == len(taken) {
		return reason.Errorf(reason.RetentionWrong, "%d backups were taken and none was expired: nothing is proved", len(taken))
	}
	if err := b.archiveOf(ctx, b.backups); err != nil {
		return err
	}
	return b.restores(ctx, b.backups[0])
}

// take takes a backup and returns it as it is listed.
func (b *check) take(ctx context.Context, kind string) (pgbackrest.Backup, error) {
	if err := b.seeded.Pgbackrest(ctx, "backup", "--type="+kind); err != nil {
		return pgbackrest.Backup{}, reason.Wrap(reason.SandboxFailed, err)
	}
	if err := b.list(ctx); err != nil {
		return pgbackrest.Backup{}, err
	}
	b.say("%s, the %s is one of %d", b.newest().Label, kind, len(b.backups))
	if b.newest().Type != kind {
		return b.newest(), reason.Errorf(reason.RetentionWrong, "a %s backup was taken, and the newest one that is listed is %s", kind, b.newest().Label)
	}
	return b.newest(), nil
}

// keepsExactly compares what is listed with what the policy keeps of all that was taken.
func (b *check) keepsExactly(taken []pgbackrest.Backup) error {
	kept, want := labels(b.backups), policy.Keep(taken, policy.Fulls, policy.Diffs)
	missing, more := without(want, kept), without(kept, want)
	if len(missing)+len(more) == 0 {
		return nil
	}
	return reason.Errorf(reason.RetentionWrong, "the policy keeps %d fulls and %d diffs: gone although it keeps them: %s; there although it does not: %s",
		policy.Fulls, policy.Diffs, orNone(strings.Join(missing, ", ")), orNone(strings.Join(more, ", ")))
}

// list asks again which backups there are.
func (b *check) list(ctx context.Context) error {
	info, err := b.repo.Info(ctx)
	if err != nil {
		return err
	}
	b.info, b.backups = info, info.Backups(b.settings.Repo)
	return b.needInfo()
}

// archiveOf proves that the archive is what the kept backups need: no more, no less.
func (b *check) archiveOf(ctx context.Context, kept []pgbackrest.Backup) error {
	size := pgbackrest.SegmentSize(kept)
	start, err := repository.Start(kept[0], size)
	if err != nil {
		return err
	}
	archive, chain, err := b.repo.Follow(ctx, b.repo.Directory(b.info, kept[0]), start, size)
	if err != nil {
		return err
	}
	if findings := policy.CheckArchive(archive.Archive, kept); len(findings) > 0 {
		return reason.Errorf(reason.RetentionWrong, "the archive is not what the kept backups need: %s", strings.Join(findings, "; "))
	}
	b.say("the archive begins with %s, which %s needs, and holds %d segments", chain.Entries[0].Name, kept[0].Label, len(chain.Entries))
	return nil
}

// restores restores a backup with all the archive behind it, and counts.
func (b *check) restores(ctx context.Context, set pgbackrest.Backup) (err error) {
	want, err := b.users(ctx)
	if err != nil {
		return err
	}
	got, err := b.restoreAndCount(ctx, set)
	if err != nil {
		return fmt.Errorf("restore the oldest backup that is kept, %s: %w", set.Label, err)
	}
	if got != want {
		return reason.Errorf(reason.TooFewRows, "backup %s came back with %d rows in users, the cluster has %d", set.Label, got, want)
	}
	b.note("the oldest backup that is kept, %s, restores: %d users", set.Label, got)
	return nil
}

// users counts them in the seeded cluster; nobody adds any.
func (b *check) users(ctx context.Context) (n int64, err error) {
	conn, err := b.primary(ctx)
	if err != nil {
		return 0, err
	}
	err = conn.QueryRow(ctx, `SELECT count(*) FROM public.users`).Scan(&n)
	return n, reason.Wrap(reason.SandboxFailed, errors.Join(err, conn.Close(ctx)))
}

func labels(backups []pgbackrest.Backup) []string {
	var list []string
	for _, backup := range backups {
		list = append(list, backup.Label)
	}
	return list
}

// without are the words of a list that are not in another.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(word string) bool { return slices.Contains(other, word) })
}
