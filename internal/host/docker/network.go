package docker

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/wait"
)

// withoutHost is the bridge driver's option that keeps this machine off the network: an
// internal one leads nowhere, but the machine's own services would be reached through it.
const withoutHost = "com.docker.network.bridge.inhibit_ipv4"

// network is one that leads nowhere, for some containers of one run.
type network struct {
	name, id string

	mu      sync.Mutex
	members []string // ids of the containers that may be on it
}

// admit says that a container may be on the network.
func (n *network) admit(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.members = append(n.members, id)
}

// network makes one. It is made by the engine's own client: testcontainers cannot keep
// the host off it.
func (e *engine) network(ctx context.Context, spec sandbox.Spec) (*network, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime) // as run's: its id must be known
	defer cancel()
	n := &network{name: containerName()}
	made, err := e.NetworkCreate(ctx, n.name, client.NetworkCreateOptions{
		Driver: "bridge", Internal: true, Labels: labels(spec), Options: map[string]string{withoutHost: "true"},
	})
	if err != nil {
		return nil, failed(fmt.Errorf("network for %s: %w", called(spec), err))
	}
	n.id = made.ID
	return n, nil
}

// sealed proves that the network is internal, keeps the machine off, and has nothing on it
// but its members and sandboxes of ours.
func (n *network) sealed(ctx context.Context, e *engine) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	found, err := e.NetworkInspect(ctx, n.id, client.NetworkInspectOptions{})
	if err != nil {
		return failed(err)
	}
	if !found.Network.Internal || found.Network.Options[withoutHost] != "true" {
		return reason.Errorf(reason.IsolationBreached, "network %s is not cut off", n.name)
	}
	for id, member := range found.Network.Containers {
		if !n.belongs(id) {
			return reason.Errorf(reason.IsolationBreached, "container %s is on network %s, and is none of the run's",
				member.Name, n.name)
		}
	}
	return nil
}

func (n *network) belongs(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Contains(n.members, id)
}

// unlink removes a network, once nothing is on it any more.
func (e *engine) unlink(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx),
		removeTime) // what stays does not keep the next from going
	defer cancel()
	return failed(wait.For(ctx, "network "+id+" to be gone", 50*time.Millisecond, func(ctx context.Context) error {
		_, err := e.NetworkRemove(ctx, id, client.NetworkRemoveOptions{})
		if errdefs.IsNotFound(err) {
			return nil
		}
		return err
	}))
}
