package backup

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wal"
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
	found, listed, err := in.verified(ctx, out)
	if err != nil {
		return err
	}
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

// maxVerifies is how often verify reads a repository of which segments vanish meanwhile.
const maxVerifies = 3

// verified is what verify says, and which backups were listed before and after it. Where all that is wrong is segments
// that it had listed and did not find, it reads once more when whoever takes them is done: what an expire took is not
// listed then, and what cannot be read still is. None of what vanished may be needed by a backup that is kept.
func (in opened) verified(ctx context.Context, out suite.Out) (v pgbackrest.Verification, listed []string, err error) {
	var first listing
	for n := 1; ; n++ {
		before, err := in.listAgain(ctx, out)
		if err != nil {
			return v, nil, err
		}
		if n == 1 {
			first = before.listing
		}
		if v, err = in.Client.Pgbackrest.Verify(ctx); err != nil {
			return v, nil, err
		}
		after, err := in.listAgain(ctx, out)
		if err != nil {
			return v, nil, err
		}
		listed = both(labels(before.backups), labels(after.backups))
		gone := v.Vanished(listed)
		problems, _ := v.Problems(listed)
		switch {
		case gone == 0 && n > 1 && len(problems) == 0:
			return v, listed, after.lacksNothing(ctx, out, first)
		case gone == 0 || n == maxVerifies:
			return v, listed, nil
		}
		out.Note("%d WAL segments were gone before verify came to read them, as when an expire is at work: it reads "+
			"once more", gone)
		if err = after.expired(ctx); err != nil {
			return v, nil, err
		}
	}
}

// expired waits until nothing is taken any more of the archive before the newest backup.
func (in opened) expired(ctx context.Context) error {
	newest := in.newest()
	if newest.Offline() { // it does not say where its WAL begins
		return nil
	}
	size, err := in.Client.SegmentSize(ctx, in.directory(newest), newest, pgbackrest.SameCluster(in.backups, newest))
	if err != nil {
		return err
	}
	start, err := repository.Start(newest, size)
	if err != nil {
		return err
	}
	_, err = settled(ctx, wal.Segment{}, start.First, func(ctx context.Context) (repository.Archive, error) {
		return in.Client.List(ctx, in.directory(newest), size, start.First.Timeline)
	})
	return err
}

// lacksNothing says whether the backups that are listed still have the WAL they stand on, without what the claim
// archive says of it beside that, and whether the archive goes as far as it did at first: an expire takes nothing of
// its end. Whatever else keeps it from looking at all of them, red or not, has proved nothing.
func (in opened) lacksNothing(ctx context.Context, out suite.Out, first listing) error {
	end, now := first.info.ArchiveEnd(first.newest()), in.info.ArchiveEnd(in.newest())
	if now < end && in.newest().Database == first.newest().Database {
		return reason.Errorf(reason.WALMissing, "segments vanished while verify read, those at the end of the archive "+
			"among them, which no expire takes: it went up to %s, and now to %s", end, cmp.Or(now, "none"))
	}
	_, failed := followed(ctx, out.Apart(), in, nil)
	if why, _ := reason.Of(failed); failed != nil && why != reason.WALMissing && why.Exit() == reason.ExitFailed {
		return fmt.Errorf("segments vanished while verify read, and that none is missed is not proved: %w", failed)
	}
	if failed != nil {
		return fmt.Errorf("segments vanished while verify read: %w", failed)
	}
	return nil
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
