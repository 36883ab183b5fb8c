package drill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/verify"
)

// tellScope publishes what was asked for, for the evidence of the run.
func tellScope(out suite.Out, asked settings.Settings) {
	out.Label(suite.RepoLabel, strconv.Itoa(asked.Repo))
	out.Label(suite.CompareLabel, asked.Compare)
	if to := asked.Target.String(); to != "" {
		out.Label(suite.TargetLabel, to)
	}
}

// tellSet publishes which set was chosen, and which is the newest.
func tellSet(out suite.Out, backups []pgbackrest.Backup, set pgbackrest.Backup) {
	out.Label(suite.SetLabel, set.Label)
	out.Label("backup_type", set.Type)
	out.Label(suite.NewestSetLabel, newest(backups, set).Label)
}

// tellWindow publishes from when on the repository can be recovered to, and from when on the chosen set can.
func tellWindow(out suite.Out, good []pgbackrest.Backup, set pgbackrest.Backup) {
	if same := pgbackrest.SameCluster(good, set); len(same) > 0 {
		out.Label(suite.WindowLabel, stamp(same[0].Stopped()))
	}
	out.Label(suite.SetStoppedLabel, stamp(set.Stopped()))
}

// What bounds the reading of a manifest, where a restore could do without it.
const (
	manifestTime = 30 * time.Second // for its digest
	contentTime  = 2 * time.Minute  // for what is in it: that of a million files has hundreds of megabytes
)

// tellManifest publishes the digest of the set's manifest, as it lies in the repository. Whether the set is whole,
// restore finds out: a manifest that cannot be read here only is not named.
func tellManifest(ctx context.Context, out suite.Out, s session.Session, p plan) {
	name := "backup/" + s.Stanza() + "/" + p.set.Label + "/backup.manifest"
	bound, cancel := context.WithTimeout(ctx, manifestTime)
	defer cancel()
	content, err := s.Client.Pgbackrest.GetRaw(bound, name)
	switch {
	case ctx.Err() != nil: // the next step says so
	case err != nil:
		out.Note("the digest of the set's manifest is not known: %s", pgbackrest.Printable(err.Error()))
	default:
		sum := sha256.Sum256(content)
		out.Label(suite.ManifestLabel, name)
		out.Label(suite.ManifestDigestLabel, hex.EncodeToString(sum[:]))
	}
}

// tellOutcomes publishes the names of the deeper checks by how they ended.
func tellOutcomes(out suite.Out, outcomes []verify.Outcome) {
	names := map[verify.Status][]string{}
	for _, o := range outcomes {
		names[o.Status] = append(names[o.Status], o.Check)
	}
	for status, list := range names {
		out.Label(suite.DeepLabel+string(status), strings.Join(list, ","))
	}
}
