package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wait"
	"veza.fr/recovery/internal/wal"
)

// Bounds of waiting for an expire that is at work between old backups. It takes a segment, or a thousand at once, in a
// moment, and minutes for a week of them on S3.
const (
	expireLooks   = 2 * time.Second  // between two listings
	expireSettles = 10 * time.Second // without a change: it is over
	expireTakes   = 10 * time.Minute // a listing of its own that is under way comes on top
)

// settle judges the backups at these places of a cluster's, of which WAL that expire may take is there in part, once
// no expire is at work on it: what is left then was lost in part.
func (in opened) settle(
	ctx context.Context, out suite.Out, retention policy.ArchiveRetention, current []pgbackrest.Backup, places []int,
	primary *archiver,
) error {
	if len(places) == 0 {
		return nil
	}
	oldest := current[places[0]]
	size, err := in.Client.SegmentSize(ctx, in.directory(oldest), oldest, current)
	if err != nil {
		return err
	}
	starts := toWhole(retention, in.backups, current, places[0], size)
	out.Say("WAL between backup %s and the one from which %s keeps all is there in part: waiting for an expire that "+
		"may be at work", oldest.Label, retention.Said)
	archive, err := settled(ctx, starts[0].Stop, starts[len(starts)-1].First,
		func(ctx context.Context) (repository.Archive, error) {
			return in.Client.List(ctx, in.directory(oldest), size, starts[0].First.Timeline)
		})
	if err != nil {
		return err
	}
	for _, i := range places {
		start, err := repository.Start(current[i], size)
		if err != nil {
			return err
		}
		chain, err := archive.Follow(start, archive.History)
		if err == nil { // filled meanwhile
			if err = lateTails(out, chain, primary); err != nil {
				return err
			}
			continue
		}
		if why, _ := reason.Of(err); why != reason.WALMissing {
			return fmt.Errorf("from backup %s: %w", current[i].Label, err)
		}
		by, inPart := onPurpose(retention, in.backups, current, i, archive.Archive, err)
		if by == "" || inPart {
			return fmt.Errorf("from backup %s: %w; by %s expire takes all between two old backups, or nothing, and a "+
				"part of it is there that does not change: segments were lost, or an expire was cut off",
				current[i].Label, err, retention.Said)
		}
		sayExpired(out, current[i], by)
	}
	return nil
}

// sayExpired is the note on a backup whose WAL was taken on purpose.
func sayExpired(out suite.Out, backup pgbackrest.Backup, by string) {
	out.Note("backup %s restores to its own end and no further: expire took the WAL after it, by %s", backup.Label, by)
}

// settled lists an archive until as many segments between two have been there for a while. An archive that
// goes on changing is no verdict: timeout.
func settled(
	ctx context.Context, after, before wal.Segment, list func(context.Context) (repository.Archive, error),
) (archive repository.Archive, err error) {
	began, seen, since := time.Now(), -1, time.Time{}
	err = wait.For(ctx, "an expire to end", expireLooks, func(ctx context.Context) (failed error) {
		look := time.Now()
		if archive, failed = list(ctx); failed != nil {
			return wait.Stop(failed)
		}
		there := len(archive.Between(after, before))
		switch {
		case there == seen && look.Sub(since) >= expireSettles:
			return nil
		case look.Sub(began) >= expireTakes:
			return wait.Stop(reason.Errorf(reason.Timeout, "the WAL between old backups was still being taken away "+
				"after %s, and is judged when that is over", look.Sub(began).Round(time.Second)))
		case there != seen:
			seen, since = there, time.Now()
		}
		return errors.New("it may still be at work")
	})
	return archive, err
}
