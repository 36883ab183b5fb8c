package drill

import (
	"context"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wal"
)

// comparable says whether the cluster that -primary names, by its system identifier, archives where the set's archive
// lies. A set of a cluster that was left is compared with none: also a primary that is that cluster again archives
// elsewhere since. The set of now must be production's: a cluster that the stanza was of before archives nothing.
func (p plan) comparable(out suite.Out, id string) (bool, error) {
	switch want := p.info.SystemID(p.set); {
	case p.left():
		out.Note("set %s is of a cluster before a stanza-upgrade: the end of its archive is not compared with -primary",
			p.set.Label)
		return false, nil
	case id != "" && want != "" && id != want:
		return false, reason.Errorf(reason.ConfigInvalid, "-primary names the cluster with system identifier %s, "+
			"which the stanza was of before a stanza-upgrade, and set %s is of its present one, %s: name the primary "+
			"of now; if production was taken back to that cluster, nothing of it is backed up since (pgbackrest "+
			"stanza-upgrade, then a full backup)", id, p.set.Label, want)
	}
	return true, nil
}

// lastArchived asks production what it archived last, where -primary names it, and only once it
// is known to be the cluster of the set. What is no segment is compared with nothing, and said.
func (p plan) lastArchived(ctx context.Context, out suite.Out, s session.Session) (string, error) {
	if s.Settings.Primary == "" {
		return "", nil
	}
	if s.Past() {
		out.Note("-primary is not asked: what it archived last is not in the repository of then")
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	conn, err := postgres.Primary(ctx, s.Settings.Primary) // also beside a seeded source: it was asked for
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing was written
	id, err := session.SystemID(ctx, conn)
	if err != nil {
		return "", reason.Errorf(reason.ConfigInvalid, "-primary: cannot ask for its system identifier: %w", err)
	}
	if err = s.KnowsCluster(id, p.info); err != nil {
		return "", err
	}
	if id == "" {
		out.Note("warning: -primary does not let its role ask for its system identifier (pg_control_system): " +
			"that it is the cluster of the backups is not proved")
	}
	compared, err := p.comparable(out, id)
	if !compared {
		return "", err
	}
	var archived string
	if err = conn.QueryRow(ctx, "SELECT coalesce(last_archived_wal, '') FROM "+
		"pg_stat_archiver").Scan(&archived); err != nil {
		return "", reason.Errorf(reason.ConfigInvalid,
			"-primary: cannot read pg_stat_archiver; its role needs pg_monitor: %w", err)
	}
	if !wal.IsSegment(archived) { // nothing since its statistics began, or a history or backup file
		out.Note(
			"warning: -primary names no segment as its last archived file (%q): the end of the archive is not "+
				"compared with it",
			archived,
		)
	}
	return archived, nil
}
