package repository

import (
	"context"
	"errors"
	"fmt"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
	"veza.fr/recovery/internal/wal"
)

// asyncSettles is how long an asynchronous archive-push may leave a hole: its
// workers finish in any order.
const asyncSettles = time.Minute

// patience is how long a young hole is looked at again, how often, and why.
type patience struct {
	settles, every time.Duration
	why            string
}

// patient are those by archive-async of the conf. One that does not say so need not be that of who pushes: on another
// host a conf may hold no more than what a restore needs.
var patient = map[string]patience{
	"y": {asyncSettles, 2 * time.Second, "the conf has it on"},
	"":  {15 * time.Second, 5 * time.Second, "the conf does not say; archive-async=n in it ends this wait"},
}

// Archive is one archive id of the stanza as it was listed.
type Archive struct {
	wal.Archive
	Listing []wal.File
	// History is that of the newest timeline; nil where no history file is listed.
	History []wal.Switch
}

// Directory is where the archive of a backup lies in the repository.
func (r Repository) Directory(info pgbackrest.Stanza, set pgbackrest.Backup) string {
	return "archive/" + r.Stanza + "/" + info.ArchiveID(set)
}

// List lists an archive as it is seen from a timeline on.
func (c Client) List(ctx context.Context, directory string, size uint64, from uint32) (a Archive, err error) {
	if a.Listing, err = c.Pgbackrest.List(ctx, directory); err != nil {
		return a, reason.Wrap(reason.RepoUnreachable, err)
	}
	a.Archive = wal.NewArchive(a.Listing, size)
	if newest := a.Newest(from); newest > 1 {
		if _, listed := a.Histories[newest]; listed {
			a.History, err = c.history(ctx, directory, newest)
		}
	}
	return a, err
}

// SegmentSize is the WAL segment size of a backup; others are those of its cluster. Where their positions leave more
// than one, the names of its archive decide.
func (c Client) SegmentSize(
	ctx context.Context, directory string, of pgbackrest.Backup, others []pgbackrest.Backup,
) (uint64, error) {
	sizes := pgbackrest.SegmentSizes(of, others)
	if len(sizes) == 1 {
		return sizes[0], nil
	}
	files, err := c.Pgbackrest.List(ctx, directory)
	return wal.LikelySegmentSize(sizes, files), reason.Wrap(reason.RepoUnreachable, err)
}

// Follow lists the archive and proves that it is whole from a start on. A hole that an
// asynchronous push may still fill is looked at again before it counts; one of a conf with archive-async=n is not.
func (c Client) Follow(
	ctx context.Context, log Log, directory string, start wal.Start, size uint64,
) (a Archive, chain wal.Chain, err error) {
	follow := func(ctx context.Context) error {
		if a, err = c.List(ctx, directory, size, start.First.Timeline); err == nil {
			chain, err = a.Archive.Follow(start, a.History)
		}
		return err
	}
	began := time.Now() // a listing takes minutes, and a hole may be as old as its beginning
	err = follow(ctx)
	hole, ok := errors.AsType[*wal.Hole](err)
	async := c.Conf.Option(c.Stanza, "archive-push", "archive-async")
	waits, may := patient[async]
	switch {
	case !ok || !may:
	case !c.At.IsZero():
		if c.At.Sub(hole.Since) < asyncSettles {
			err = fmt.Errorf("%w: at %s archive-async may have been about to fill it: take a moment a minute later",
				err, stamp(c.At))
		}
	case began.Sub(hole.Since) < asyncSettles:
		log.Say("%v: archive-async may still fill it (%s)", hole, waits.why)
		err = relist(ctx, waits, follow)
	}
	return a, chain, err
}

// FollowListed is Follow by a listing that was made a moment before: that of a large archive takes a minute, and every
// kept backup is followed. Where it proves nothing for this one, the archive is listed anew.
func (c Client) FollowListed(
	ctx context.Context, log Log, listed Archive, directory string, start wal.Start, size uint64,
) (Archive, wal.Chain, error) {
	newest := listed.Newest(start.First.Timeline)
	if _, needed := listed.Histories[newest]; len(listed.Entries) > 0 && (listed.History != nil || !needed) {
		if chain, err := listed.Archive.Follow(start, listed.History); err == nil {
			return listed, chain, nil
		}
	}
	return c.Follow(ctx, log, directory, start, size)
}

// relist looks at a hole again until it is filled, or there still to a look that began when every push was over. How
// long a look takes is bounded where the archive is listed.
func relist(ctx context.Context, waits patience, follow func(context.Context) error) error {
	settled := time.Now().Add(waits.settles)
	var found error
	err := wait.For(ctx, "archive-async to fill a hole", waits.every, func(ctx context.Context) error {
		last := !time.Now().Before(settled)
		found = follow(ctx)
		if _, ok := errors.AsType[*wal.Hole](found); ok && !last {
			return found
		}
		return nil
	})
	if found == nil && wait.Over(ctx) {
		return err
	}
	return found
}

// Start is where recovery from a set begins, by what info says of it. Of an offline one info says
// nothing.
func Start(set pgbackrest.Backup, size uint64) (start wal.Start, err error) {
	if start.First, err = wal.ParseSegment(set.Archive.Start, size); err == nil {
		start.Stop, err = wal.ParseSegment(set.Archive.Stop, size)
	}
	if err != nil {
		return start, reason.Errorf(reason.RepoCorrupt, "backup %s names no WAL range in backup.info: %w", set.Label,
			err)
	}
	if set.LSN != nil {
		start.At, _ = wal.ParseLSN(set.LSN.Stop) // 0 where info gives none that can be read
	}
	return start, nil
}

// Highest reads the history with the highest number in an archive; name is "" where there is none. What
// cannot be read is wal_corrupt.
func (c Client) Highest(ctx context.Context, directory string, a Archive) (name string, err error) {
	timeline := a.Archive.Highest()
	if timeline == 0 {
		return "", nil
	}
	_, err = c.history(ctx, directory, timeline)
	return wal.HistoryName(timeline), err
}

func (c Client) history(ctx context.Context, directory string, timeline uint32) ([]wal.Switch, error) {
	name := wal.HistoryName(timeline)
	content, err := c.Pgbackrest.Get(ctx, directory+"/"+name)
	if err != nil && !errors.Is(err, pgbackrest.ErrNoFile) && !pgbackrest.Damaged(err) {
		return nil, reason.Wrap(reason.RepoUnreachable, err)
	}
	if err != nil {
		return nil, reason.Wrap(reason.WALCorrupt, fmt.Errorf("%s: %w", name, err))
	}
	switches, err := wal.ParseHistory(string(content))
	if err != nil {
		return nil, reason.Errorf(reason.WALCorrupt, "%s: %w", name, err)
	}
	return switches, nil
}
