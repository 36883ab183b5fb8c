package node

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
)

// Asked is how a restore wants to use a data directory.
type Asked struct {
	Resume   bool
	SystemID string   // of the cluster that is restored
	Set      string   // the backup set
	Maps     []string // of the conf, as in Claim
}

// Refuse says why a data directory must not be restored into, nil when it may: whatever is typed, nothing is written
// where a cluster is. claim is the mark of a restore that has not ended, nil for none; role is what pg_auto_failover
// calls the node. The reason is config_invalid.
func (p Place) Refuse(asked Asked, claim *Claim, role string) error {
	err := p.refuse(asked, claim, role)
	if err == nil && p.Sealed != "" {
		return reason.Errorf(reason.ConfigInvalid, "-to %s: the mark of the restore lies beside it, and nothing can "+
			"be written to %s (%s): let the user who runs veza-restore write there, or run it as root", p.Dir,
			filepath.Dir(p.Dir), p.Sealed)
	}
	return err
}

func (p Place) refuse(asked Asked, claim *Claim, role string) error {
	refuse := func(format string, args ...any) error {
		return reason.Errorf(reason.ConfigInvalid, "-to %s: %s", p.Dir, fmt.Sprintf(format, args...))
	}
	switch {
	case p.Patroni != 0:
		return refuse("Patroni keeps it, process %d, and starts, fills or removes what is there by itself: stop "+
			"Patroni on every node first", p.Patroni)
	case p.Restore != 0:
		return refuse("a pgbackrest restores into it, process %d, as a run that was killed leaves it: end it, or wait "+
			"until it has ended", p.Restore)
	case p.Process != 0 && claim != nil && claim.Step != Restoring && !p.Ours:
		return refuse("a server works in it, process %d, and the cluster may have been used since it was restored: %s",
			p.Process, p.goOn(claim))
	case p.Process != 0:
		return refuse("a server works in it, process %d: stop it first", p.Process)
	case p.Formation.State != "" && role != "":
		return refuse("pg_auto_failover has this node as %s (%s): drop the node at the monitor and move that state "+
			"away first, or restore another node", role, p.Formation.State)
	case p.Formation.State != "":
		return refuse("pg_auto_failover still knows this node (%s): drop the node at the monitor and move that state "+
			"away first, or restore another node", p.Formation.State)
	case p.Owner != "" && len(p.Entries) == 0:
		return refuse("it belongs to %s, not to the user who runs PostgreSQL: chown it", p.Owner)
	case len(p.Entries) == 0:
		return nil // nothing can be lost; with -resume the restore begins again
	case !asked.Resume && claim != nil:
		return refuse("a restore of backup set %s, begun %s, has not ended (%s): go on with -resume, or move the "+
			"directory and %s away", claim.Set, claim.Begun.UTC().Format(time.RFC3339), claim.Step, ClaimFile(p.Dir))
	case !asked.Resume && p.Version != "":
		return refuse("it holds a cluster (PostgreSQL %s): move it away, nothing is ever deleted", p.Version)
	case !asked.Resume:
		return refuse("it is not empty (%s): move what is there away, nothing is ever deleted", p.named())
	}
	return p.refuseResume(asked, claim, refuse)
}

// refuseResume says why what is in a directory is not the rest of a restore that may be taken up again.
func (p Place) refuseResume(asked Asked, claim *Claim, refuse func(string, ...any) error) error {
	switch {
	case claim == nil:
		return refuse("-resume: no restore was interrupted here (%s is not there), and it is not empty: %s",
			ClaimFile(p.Dir), p.named())
	case !claim.Of(p.Dir):
		return refuse("-resume: it is another directory than the one that was being restored on %s",
			claim.Begun.UTC().Format(time.RFC3339))
	case claim.SystemID != asked.SystemID:
		return refuse("-resume: what was being restored there is the cluster with system identifier %s, and the "+
			"backup is of %s", claim.SystemID, asked.SystemID)
	case p.SystemID != "" && p.SystemID != asked.SystemID:
		return refuse("-resume: it holds another cluster, with system identifier %s, and the backup is of %s: move it "+
			"away, nothing is ever deleted", p.SystemID, asked.SystemID)
	case claim.Step == Recovered && !p.Ours:
		return refuse("-resume: recovery of backup set %s had ended there, and the cluster may have been used since: "+
			"move it away and restore again, or %s", claim.Set, p.goOn(claim))
	case p.Standby:
		return refuse("-resume: it has become a standby since (standby.signal)")
	case p.Control && !p.Recovery && !p.Ours:
		return refuse("-resume: its recovery has ended since (no recovery.signal), and the cluster may have been "+
			"used: move it away and restore again, or %s", p.goOn(claim))
	case p.Theirs:
		return refuse("-resume: somebody has started it since (postmaster.opts), and the cluster may have been used: "+
			"move it away and restore again, or %s", p.goOn(claim))
	case !slices.Equal(claim.Maps, asked.Maps):
		// pgBackRest's delta looks into no directory that it is sent to, and removes what is not of the backup.
		return refuse("-resume: the conf maps tablespaces or links elsewhere than when it began (%s then, %s now): "+
			"set it back, or move what is there away and begin anew", mapped(claim.Maps), mapped(asked.Maps))
	case claim.Set != asked.Set:
		// pgBackRest's delta replaces what is in the tablespaces of a set, and looked only at those of the first
		// whether they were empty: another set may name one that is in use.
		return refuse("-resume: backup set %s was being restored there, and %s is asked for: add -set %s", claim.Set,
			asked.Set, claim.Set)
	}
	return nil
}

// goOn is what to do with a cluster that is used although its restore has not ended: what the restore would have undone
// is there yet.
func (p Place) goOn(claim *Claim) string {
	const most = 5
	conf, records, names := "", "", p.Changed
	if len(names) > most {
		names = append(slices.Clone(names[:most]), "...")
	}
	if len(names) > 0 {
		conf = fmt.Sprintf("take %q off its lines in %s/postgresql.auto.conf (%s) and restart it, ", postgres.Commented,
			p.Dir, pgbackrest.Printable(strings.Join(names, ", ")))
	}
	limits := ""
	if len(claim.Limits) > 0 {
		limits = "give databases their connection limits back (" + limited(claim.Limits, most) + " of " +
			ClaimFile(p.Dir) + "), "
	}
	if len(claim.Late) > 0 { // changed for the replay, and perhaps archived so
		records = ", and take a full backup at once: the WAL of before it may make a tablespace elsewhere"
	}
	return "go on with it: " + conf + limits + "drop in every database the schemas, and then the roles, whose names " +
		"begin with " + postgres.OursPrefix + " (DROP OWNED BY before DROP ROLE), and move " + ClaimFile(p.Dir) +
		" away" + records
}

// limited are the statements that give databases their connection limits back, at most a few.
func limited(limits []postgres.ConnectionLimit, most int) string {
	var list []string
	for _, l := range limits[:min(len(limits), most)] {
		list = append(list, fmt.Sprintf(`ALTER DATABASE "%s" CONNECTION LIMIT %d`,
			strings.ReplaceAll(l.Database, `"`, `""`), l.Limit))
	}
	if len(limits) > most {
		list = append(list, "...")
	}
	return pgbackrest.Printable(strings.Join(list, "; "))
}

func mapped(maps []string) string { return cmp.Or(strings.Join(maps, ", "), "none") }
