package drill

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/versions"
	"veza.fr/recovery/internal/wal"
)

// bothSets is what -compare sets knows besides: the drilled set is asked where it ends, on the way to the end of the
// archive, and the full backup before it is replayed to the same position when everything else is proved.
type bothSets struct {
	other plan           // the full backup before the drilled set, over the same archive
	needs map[string]int // settings that the cluster of the other one must not have less of, to replay as far
	full  error          // ranFull of the drilled set's clone, when it had been asked
}

// beginSets chooses the other set and the position. What keeps two sets from being compared says nothing about the one
// that is drilled: it is kept for teardown, and the drill goes on.
func beginSets(ctx context.Context, out suite.Out, r ready) (*comparison, error) {
	if err := refuseSets(r); err != nil {
		return nil, err
	}
	c := &comparison{done: make(chan struct{}), cancel: func() {}, sets: &bothSets{}}
	close(c.done)
	out.Undo(c.end)
	retention := policy.RetentionOfArchive(r.Client.Conf.Config, r.Stanza(), r.Settings.Repo, r.plan.backups,
		pgbackrest.SameCluster(r.plan.backups, r.plan.set))
	other, at, err := r.plan.otherSet(retention, readOwn(ctx, r.Client))
	c.sets.other = other
	if err != nil {
		c.giveUp(out, err)
		return c, nil
	}
	c.frozen.At, c.at = at, at
	c.ask.Seeds = compare.NewSeeds()
	c.recall(out, r)
	segments := int(uint64(at)/r.plan.segmentSize-other.chain.Entries[0].Number) + 1
	out.Note("comparing set %s with the full backup before it, %s: both are recovered to %s, where the first ends; "+
		"%d segments are replayed for that from the full", r.plan.set.Label, other.set.Label, at, segments)
	return c, nil
}

// refuseSets is config_invalid for what of the request makes no sense with -compare sets.
func refuseSets(r ready) error {
	invalid := func(format string, args ...any) error {
		return reason.Errorf(reason.ConfigInvalid, "-compare sets: "+format, args...)
	}
	switch major := r.plan.major(); {
	case r.plan.aim.target.Kind != target.End:
		return invalid("compares where the backup ends, and goes on to the end of the archive: leave -target out")
	case r.Past():
		return invalid("compares sets of now: leave -repo-target-time out")
	case r.plan.set.Offline():
		return invalid("backup set %s was taken offline, and where it ends is known only once it is restored: "+
			"choose another one with -set", r.plan.set.Label)
	case !versions.PausedState.In(major):
		return invalid("needs PostgreSQL %s or later, this is %s", versions.PausedState.Since(), major)
	}
	return nil
}

// otherSet is the plan for the newest full backup before the drilled set, and the position that both are asked at: the
// first that the drilled set can reach. Further on, WAL holds whole pages, and would put right what the backup has
// wrong. An incremental or differential set is compared with the full it stands on, from which all of the WAL between
// them is replayed. An error is config_invalid.
func (p plan) otherSet(retention policy.ArchiveRetention, own owns) (other plan, at wal.LSN, err error) {
	invalid := func(format string, args ...any) (plan, wal.LSN, error) {
		return other, 0, reason.Errorf(reason.ConfigInvalid, "-compare sets: "+format, args...)
	}
	drilled, err := repository.Start(p.set, p.segmentSize)
	if err != nil || drilled.At == 0 {
		return invalid("`pgbackrest info` does not say where backup set %s ends: take a new one", p.set.Label)
	}
	cluster := pgbackrest.SameCluster(p.backups, p.set)
	older := slices.DeleteFunc(slices.Clone(cluster), func(b pgbackrest.Backup) bool {
		return b.Type != "full" || b.Label >= p.set.Label || b.Offline() || b.Damaged()
	})
	if len(older) == 0 {
		return invalid("there is no full backup before set %s that it could be compared with; the repository has %s",
			p.set.Label, labels(cluster))
	}
	if other, _, err = p.from(older[len(older)-1], own); err == nil {
		return other, drilled.At, nil
	}
	hint := ""
	if from, ok := retention.WholeFrom(p.backups, cluster); ok && other.set.Label < from {
		hint = "; by " + retention.Said + " expire leaves the archive whole from backup " + from +
			" on: keep it for as many full backups as are kept"
	}
	return invalid("backup set %s cannot be replayed to the end of set %s: %w%s", other.set.Label, p.set.Label, err,
		hint)
}

// with is what the drilled set is compared with, for a sentence.
func (c *comparison) with() string {
	switch {
	case c.sets == nil:
		return "the standby"
	case c.sets.other.set.Label == "":
		return "another set"
	}
	return "set " + c.sets.other.set.Label
}

// doneThere is what was done where the clone stood still.
func (c *comparison) doneThere() string {
	if c.sets == nil {
		return "compared"
	}
	return "asked"
}

// unusable is the reason of a comparison that was not made, where nothing says a better one.
func (c *comparison) unusable() reason.Reason {
	if c.sets == nil {
		return reason.StandbyUnusable
	}
	return reason.SandboxFailed
}

// least are settings that the clone must not have less of.
func (c *comparison) least() map[string]int {
	if c.sets == nil {
		return c.standby.Needs
	}
	return nil
}

// memory names, in the file of -state, what was compared with what: that rows are those of production is another thing
// than that they are those of another set. No stanza has a slash in its name.
func (c *comparison) memory(stanza string) string {
	if c.sets == nil {
		return stanza
	}
	return stanza + "/sets"
}

// recall reads when which blocks were compared last. Those of another cluster are other blocks, by whatever name; a set
// of a cluster that was left leaves no memory.
func (c *comparison) recall(out suite.Out, r ready) {
	if r.Settings.State == "" || r.plan.left() {
		return
	}
	now := r.plan.info.SystemID(r.plan.set)
	of, err := target.RecallCluster(r.Settings.State, c.memory(r.Stanza()))
	if err == nil && of != "" && now != "" && of != now {
		out.Note("what -state says was compared is of the cluster with system identifier %s, and set %s is of %s: it "+
			"is begun anew", pgbackrest.Printable(of), r.plan.set.Label, now)
		return
	}
	if c.ask.Last, err = target.RecallCompared(r.Settings.State, c.memory(r.Stanza())); err != nil {
		out.Note("%v", err)
		return
	}
	if c.listed, err = target.RecallListed(r.Settings.State, c.memory(r.Stanza())); err == nil {
		c.unlike, err = target.RecallUnlike(r.Settings.State, c.memory(r.Stanza()))
	}
	if err != nil {
		out.Note("%v", err)
	}
}

// digestFirst asks the clone of the drilled set for everything.
func (r recovered) digestFirst(ctx context.Context, out suite.Out) error {
	c := r.compared
	side, err := r.askSet(ctx, out, compare.Side.Askable)
	if err != nil {
		return err
	}
	side.LeftOut = append(side.LeftOut, side.Closed...)
	c.frozen.Side, c.sets.needs = side, r.control.Least()
	c.sets.full = ranFull(ctx, r.cluster.server) // a set that is restored after this one has its log's file
	return nil
}

// found keeps what was compared, but for differences where the disk of one of the clones ran full.
func (c *comparison) found(ctx context.Context, result compare.Result, second *postgres.Server) error {
	if len(result.Differences) > 0 {
		if err := cmp.Or(c.sets.full, ranFull(ctx, second)); err != nil {
			return fmt.Errorf("%w; %d relations differ there, the first is %s", err, result.DifferentRelations(),
				result.Differences[0])
		}
	}
	c.result = &result
	return nil
}

// askSet asks the held clone of a set: by the role that is made for comparing where the data has it, else as the
// superuser. Neither asks for anything that would run the data's code.
func (r recovered) askSet(
	ctx context.Context, out suite.Out, parts func(compare.Side) []compare.Part,
) (side compare.Side, err error) {
	server := r.cluster.server
	role, err := server.ComparingRole(ctx)
	if err != nil {
		return side, err
	}
	return r.askHeld(ctx, out, server, asking{role: role, listing: compare.Listing{Whole: true}, parts: parts})
}
