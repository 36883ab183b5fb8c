package lab

import (
	"context"
	"fmt"

	"veza.fr/recovery/internal/host/incus"
)

// Renew gives the formation and its drill host back as `lab up` made them: nothing of any
// role is installed there, and their repository is empty. It does nothing when that is so.
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
	s := &site{daemon: l.daemon, places: l.places, say: say}
	if s.nodes, err = incus.Connect(ctx, "", Project); err != nil {
		return err
	}
	say("making the formation anew")
	for _, n := range lane(formationLane) {
		if err = s.nodes.Open(n.name).Destroy(ctx); err != nil {
			return fmt.Errorf("remove node %s: %w", n.name, err)
		}
	}
	if err = s.daemon.distrust(ctx); err != nil {
		return err
	}
	if err = root(ctx, l.Node(storeNode), "rm", "-rf", RepositoryDirectory); err != nil {
		return err
	}
	hosts, err := s.launch(ctx, lane(formationLane))
	if err != nil {
		return err
	}
	if err := s.setUp(ctx, lane(formationLane), hosts); err != nil {
		return err
	}
	if err := l.populateFormation(ctx, formationUsers); err != nil {
		return err
	}
	return l.Check(ctx)
}

// RepositoryDirectory is where the object store keeps the formation's repository, on its node.
const RepositoryDirectory = minioData + "/backups/" + formationPath

// untouched: the formation works, and nobody applied a role to it.
func (l *Lab) untouched(ctx context.Context) bool {
	for _, name := range Machines {
		if there, err := installed(ctx, l.Node(name)); there || err != nil {
			return false
		}
	}
	return l.Check(ctx) == nil
}
