package drill

import (
	"context"
	"fmt"
	"slices"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// stillListed says whether the repository lists the set of the plan, and what else. One that lists nothing, or does
// not answer, proves nothing.
func (r restored) stillListed(ctx context.Context) (info pgbackrest.Stanza, listed bool) {
	info, err := r.repo.Pgbackrest.Info(ctx)
	if err != nil || len(info.Backups(r.Settings.Repo)) == 0 {
		return info, true
	}
	_, listed = pgbackrest.Find(info.Backups(r.Settings.Repo), r.plan.set.Label)
	return info, listed
}

// lacking are the verdicts that a set or its WAL comes to when expire takes it from under the drill: archive-get says
// of what is gone what it says of the end of the archive.
var lacking = []reason.Reason{
	reason.RecoveryIncomplete, reason.WALMissing, reason.RepoCorrupt, reason.RestoreFailed,
}

// unlessExpired is what a recovery came to, unless the set, or the WAL behind it, was expired meanwhile: that says
// nothing of the backups that are kept. It is asked only once something is lacking.
func (r recovered) unlessExpired(ctx context.Context, failed error) error {
	if why, _ := reason.Of(failed); !slices.Contains(lacking, why) || ctx.Err() != nil || r.real != nil {
		return failed
	}
	info, listed := r.stillListed(ctx)
	what := ""
	if !listed {
		what = "the repository does not list it any more"
	} else if gone, said := r.walExpired(ctx, info); gone != "" {
		what = fmt.Sprintf("WAL segment %s went by %s", gone, said)
	}
	if what == "" {
		return failed
	}
	return reason.Errorf(reason.ConfigInvalid, "backup set %s was expired while it was drilled: %s; drill again, of a "+
		"newer set, and keep more than one full backup where this happens again (repo%d-retention-full): %s",
		r.plan.set.Label, what, r.Settings.Repo, failed)
}

// walExpired is the first segment of the plan that is gone, where expire leaves the archive whole only from a newer
// backup on, and where that stands.
func (r recovered) walExpired(ctx context.Context, info pgbackrest.Stanza) (name, said string) {
	backups := info.Backups(r.Settings.Repo)
	same := pgbackrest.SameCluster(backups, r.plan.set)
	retention := policy.RetentionOfArchive(r.repo.Conf.Config, r.repo.Stanza, r.repo.Key, backups, same)
	from, ok := retention.WholeFrom(backups, same)
	if !ok || r.plan.set.Label >= from {
		return "", ""
	}
	listing, err := r.repo.Pgbackrest.List(ctx, r.plan.directory(r.repo))
	if err != nil {
		return "", ""
	}
	now := wal.NewArchive(listing, r.plan.segmentSize)
	for _, entry := range r.plan.chain.Entries {
		if len(r.plan.archive.Entries[entry.Segment]) > 0 && len(now.Entries[entry.Segment]) == 0 {
			return entry.Name, retention.Said
		}
	}
	return "", ""
}
