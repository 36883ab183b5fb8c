package node

import (
	"os"
	"slices"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// RefuseLate says why a tablespace that is younger than the set must not be replayed into a directory, nil when it may:
// Refuse of a directory that no map sends elsewhere. What is in it MakeAs looks at.
func (ts Targets) RefuseLate(dir string) error {
	place := realPath(dir)
	if around := clusterAround(place); around != "" && !ts.owns(around) {
		return reason.Errorf(reason.ConfigInvalid, "it lies inside a cluster, or what belongs to one (%s): move that "+
			"away, nothing is ever deleted, and go on with -resume", pgbackrest.Printable(around))
	}
	u, err := ts.used([]string{place})
	if err != nil || u == nil {
		return err
	}
	return reason.Errorf(reason.ConfigInvalid, "it is used by a server, process %d (%s): stop it, move what is its "+
		"own away, and go on with -resume", u.process, pgbackrest.Printable(u.path))
}

// HoldLate locks the directory of such a tablespace, which must be there. This restore has it already where it is that
// of a tablespace which was dropped.
func (c *Claim) HoldLate(dir string) error {
	there, err := os.Stat(dir)
	if err != nil {
		return reason.Wrap(reason.ConfigInvalid, err)
	}
	if slices.ContainsFunc(c.opened, func(held *os.File) bool {
		mine, unknown := held.Stat()
		return unknown == nil && os.SameFile(mine, there)
	}) {
		return nil
	}
	return c.hold(dir)
}
