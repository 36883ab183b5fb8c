package drill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wal"
)

// plan is what is restored: which backup set, over which archive, up to which target. It is
// made from the request and one listing of the repository, and is never changed. When its
// set has expired, another plan is made from the same request.
type plan struct {
	info        pgbackrest.Stanza   // the listing it was made from
	backups     []pgbackrest.Backup // of the repository, oldest first
	set         pgbackrest.Backup   // pinned: restored by its label
	age         time.Duration       // of the set, when the plan was made
	older       bool                // than the newest that could have been taken, which no label asked for
	segmentSize uint64
	archive     repository.Archive // as it was listed
	chain       wal.Chain          // the segments from the set's start to the end of the archive
	aim         aim                // where recovery stops
	archived    string             // what production says it archived last; "" where it was not asked
	checkpoint  wal.Start          // of an offline set: where recovery begins, known once it is restored
}

// makePlan chooses the set and the target, and proves that the archive is whole from the
// set's start on.
func makePlan(
	ctx context.Context, out suite.Out, s session.Session, client repository.Client, info pgbackrest.Stanza,
) (p plan, err error) {
	p = plan{info: info, backups: info.Backups(s.Settings.Repo), aim: aim{target: s.Settings.Target}}
	good := usable(out, p.backups, s.Version, s.Settings.Set)
	want := wanted{stanza: s.Stanza(), repo: s.Settings.Repo, set: s.Settings.Set, target: s.Settings.Target}
	switch {
	case s.Settings.Target.IsChoice() && len(good) > 0:
		p.set, p.aim, err = chooseAim(ctx, out, s, client, want, p, good)
	default:
		p.set, err = want.choose(p.backups, good)
	}
	if err != nil {
		return p, err
	}
	if err = want.presentCluster(out, info, good, p.set); err != nil {
		return p, err
	}
	if p.age, err = ageOf(p.set, s.AsOf(), s.Past()); err != nil {
		return p, err
	}
	p.older = want.older(good, p.set)
	tellSet(out, p.backups, p.set)
	tellWindow(out, good, p.set)
	out.Say("backup set %s, %s, %s old", p.set.Label, megabytes(p.set.Info.Size), p.age.Round(time.Second))
	if err = checkVersions(ctx, out, s, p); err != nil {
		return p, err
	}
	return p.overArchive(ctx, out, s, client)
}

// overArchive lists the archive, proves that it is whole from the backup's start on, and
// remembers its last segment: recovery must get there. Production is asked before, so that
// what it says it archived must be listed.
func (p plan) overArchive(
	ctx context.Context, out suite.Out, s session.Session, client repository.Client,
) (plan, error) {
	p, err := p.sized(ctx, client)
	if err != nil {
		return p, err
	}
	if p.archived, err = p.lastArchived(ctx, out, s); err != nil {
		return p, err
	}
	if p, err = p.follow(ctx, out, s, client); err != nil {
		return p, err
	}
	if p.set.Offline() { // nobody knows yet where its WAL begins
		out.Note("backup set %s was taken offline (--no-online) and has no WAL range: what is archived behind it is "+
			"followed once it is restored", p.set.Label)
		return p, nil
	}
	found := p.wholeArchive(out)
	moved, err := session.MovedOn(found, p.archived, func() (_ string, unanswered error) {
		p.archived, unanswered = p.lastArchived(ctx, out, s)
		return p.archived, unanswered
	})
	if err != nil {
		return p, errors.Join(err, found)
	}
	if !moved {
		return p, found
	}
	if p, err = p.follow(ctx, out, s, client); err != nil {
		return p, err
	}
	return p, p.wholeArchive(out)
}

// sized finds out which size the set's WAL segments have.
func (p plan) sized(ctx context.Context, client repository.Client) (_ plan, err error) {
	p.segmentSize, err = client.SegmentSize(ctx, p.directory(client), p.set, pgbackrest.SameCluster(p.backups, p.set))
	return p, err
}

// accepted is nil for an archive that is broken after the backup's own end, where whoever restores has decided to go on
// without the rest.
func (p plan) accepted(out suite.Out, s session.Session, start wal.Start, err error) error {
	if err == nil || !s.AcceptLoss || len(p.chain.Entries) == 0 || p.chain.Last().Number < start.Stop.Number {
		return err
	}
	return acceptLoss(out, s, err)
}

// wholeArchive says what was followed, and compares its end with what production archived and with
// the target.
func (p plan) wholeArchive(out suite.Out) error {
	last := p.chain.Last()
	out.Note("archive whole over %s: %d segments, the last is %s", p.chain.Route(), len(p.chain.Entries), last.Name)
	for _, text := range p.chain.Notes {
		out.Note("%s", text)
	}
	if err := session.CheckArchiveEnd(p.archived, p.chain, p.segmentSize); err != nil {
		return err
	}
	return inWindow(p.aim.target, last, p.segmentSize)
}

// follow lists the archive and walks it from the set's start; of an offline set, from its checkpoint
// once that is known.
func (p plan) follow(
	ctx context.Context, out suite.Out, s session.Session, client repository.Client,
) (_ plan, err error) {
	start := p.checkpoint
	if p.set.Offline() && !start.Whole {
		p.archive, err = client.List(ctx, p.directory(client), p.segmentSize, 1)
		return p, err
	}
	if !p.set.Offline() {
		start, err = repository.Start(p.set, p.segmentSize)
	}
	if err != nil {
		return p, err
	}
	p.archive, p.chain, err = client.Follow(ctx, out, p.directory(client), start, p.segmentSize)
	p.chain, err = p.withOwn(readOwn(ctx, client), start, err)
	retention := policy.RetentionOfArchive(client.Conf.Config, client.Stanza, client.Key, p.backups,
		pgbackrest.SameCluster(p.backups, p.set))
	return p, p.accepted(out, s, start, p.expired(retention, err))
}

// expired adds to a hole after an old set which option may have made it: expire leaves the
// archive whole from a newer backup on. An older set restores to its own end, and this drill
// is about the end of the archive.
func (p plan) expired(retention policy.ArchiveRetention, failed error) error {
	why, _ := reason.Of(failed)
	from, ok := retention.WholeFrom(p.backups, pgbackrest.SameCluster(p.backups, p.set))
	if why != reason.WALMissing || !ok || p.set.Label >= from {
		return failed
	}
	return fmt.Errorf("%w; by %s expire leaves the archive whole from backup %s on: set %s restores no further than "+
		"to its own end, choose a newer one", failed, retention.Said, from, p.set.Label)
}

// directory is where the set's archive lies in the repository.
func (p plan) directory(client repository.Client) string { return client.Directory(p.info, p.set) }

// left says whether the set is of a cluster that production was moved from: nothing is written to it any more.
func (p plan) left() bool { _, left := p.info.UpgradedSince(p.set); return left }

// major is the version of PostgreSQL the set is of, such as "15".
func (p plan) major() string { return p.info.Version(p.set) }

// ageOf is how old a set is, or was at the moment its repository is looked at. One that ended in the
// future tells of a wrong clock; that it was there in the past, the store's clock says.
func ageOf(set pgbackrest.Backup, now time.Time, past bool) (time.Duration, error) {
	age := now.Sub(set.Stopped())
	if age < -clocksApart && !past {
		return 0, reason.Errorf(reason.ClockSkew,
			"backup %s ended %s from now: the clock here or on the primary is wrong", set.Label,
			-age.Round(time.Second))
	}
	return max(age, 0), nil
}
