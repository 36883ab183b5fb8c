package lab

import (
	"context"
	"fmt"

	"veza.fr/recovery/internal/host/incus"
)

// Renew gives the formation, its drill host and the machine Next back as `lab up` made them:
// nothing of any role is installed there, and their repositories are empty. It does nothing
// when that is so.
func (l *Lab) Renew(ctx context.Context, say Say) error {
	ctx, cancel := context.WithTimeout(ctx, upTime)
	defer cancel()
	release, err := acquire(lockFile)
	if err != nil {
		return err
	}
	defer release() //nolint:errcheck // the kernel does it at the latest
	if l.untouched(ctx) {
		return nil
	}
	s := &site{daemon: l.daemon, places: l.places, major: l.Major, say: say}
	if s.nodes, err = incus.Connect(ctx, "", Project); err != nil {
		return err
	}
	say("making the formation anew")
	for _, n := range renewed() {
		if err = s.nodes.Open(n.name).Destroy(ctx); err != nil {
			return fmt.Errorf("remove node %s: %w", n.name, err)
		}
	}
	if err = s.daemon.distrust(ctx); err != nil {
		return err
	}
	if err = root(ctx, l.Node(storeNode), "rm", "-rf", RepositoryDirectory, nextFleet.directory()); err != nil {
		return err
	}
	hosts, err := s.launch(ctx, renewed())
	if err != nil {
		return err
	}
	if err := s.setUpAll(ctx, hosts, formationLane, nextLane); err != nil {
		return err
	}
	if err := l.populateFormation(ctx, formationUsers); err != nil {
		return err
	}
	return l.Check(ctx)
}

// renewed are the nodes that roles are applied to, and the monitor.
func renewed() []node { return append(lane(formationLane), lane(nextLane)...) }

// RepositoryDirectory is where the object store keeps the formation's repository, on its node.
var RepositoryDirectory = formationFleet.directory()

// untouched: the formation works, and nobody applied a role to it.
func (l *Lab) untouched(ctx context.Context) bool {
	for _, name := range append([]string{Next}, Machines...) {
		if there, err := installed(ctx, l.Node(name)); there || err != nil {
			return false
		}
	}
	return l.Check(ctx) == nil
}
