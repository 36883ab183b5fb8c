package process

import (
	"context"

	"veza.fr/recovery/internal/sandbox"
)

// Node makes sandboxes for a restore into a real data directory of this machine. Everything else of such a sandbox is
// scratch; the data directory is neither made nor removed by it, and no reaper knows of it.
type Node struct {
	Provider
	Data string // the data directory, absolute
}

var _ sandbox.Provider = Node{}

// Environment is the info metric's word for this provider.
func (Node) Environment() string { return "node" }

// Launch makes the scratch directory.
func (n Node) Launch(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	made, err := n.Provider.Launch(ctx, spec)
	if scratch, ok := made.(*Sandbox); ok {
		scratch.data = n.Data
		return &nodeSandbox{scratch}, err
	}
	return nil, err
}

// nodeSandbox is a scratch directory whose data directory is elsewhere.
type nodeSandbox struct {
	*Sandbox
}

// Dir is the path of one of the directories.
func (s *nodeSandbox) Dir(name string) string {
	if name == "data" {
		return s.Host.data
	}
	return s.Sandbox.Dir(name)
}
