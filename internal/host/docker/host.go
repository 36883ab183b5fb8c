package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// Bounds on the end of a container or network. Each has its own: one that will not go must not keep the others.
const (
	removeTime  = 20 * time.Second // of a network; and what a container has although its caller's time is over
	destroyTime = 2 * time.Minute  // of a container, whose engine has as many files to delete as were restored
)

// Host is one container.
type Host struct {
	*guest.Machine
	engine *engine
	id     string
}

var (
	_ host.Host    = (*Host)(nil)
	_ guest.Engine = (*Host)(nil)
)

func newHost(e *engine, name, id string) *Host {
	h := &Host{engine: e, id: id}
	h.Machine = guest.New(name, h)
	return h
}

// Called is what messages call the container.
func (h *Host) Called() string { return "container " + h.Name() }

// Failed gives an error of this provider its reason.
func (h *Host) Failed(err error) error { return failed(err) }

// state asks for the container; not found when it is gone.
func (h *Host) state(ctx context.Context) (container.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	found, err := h.engine.ContainerInspect(ctx, h.id, client.ContainerInspectOptions{})
	return found.Container, err
}

// Life is the life the container is in, or why it is in none: whatever a command in it
// said then means nothing.
func (h *Host) Life(ctx context.Context) (string, error) {
	c, err := h.state(ctx)
	if errdefs.IsNotFound(err) {
		return "", reason.Errorf(reason.SandboxFailed,
			"container %s is gone: somebody removed it, or its engine was set up anew", h.Name())
	}
	if err != nil {
		return "", failed(err)
	}
	switch {
	case c.State == nil || !c.State.Running:
		status, killed := container.ContainerState("unknown"), ""
		if c.State != nil {
			status = c.State.Status
			if c.State.OOMKilled {
				killed = ", out of memory"
			}
		}
		return "", reason.Errorf(reason.SandboxFailed,
			"container %s is not running (%s%s): somebody stopped it, or it was killed", h.Name(), status, killed)
	case c.State.Paused:
		return "", reason.Errorf(reason.SandboxFailed, "container %s is paused: docker unpause %[1]s", h.Name())
	}
	return c.ID + " " + c.State.StartedAt, nil
}

// Destroy kills the container, removes it with its volumes, and waits until it is gone.
// Commands under way end with host.ErrDestroyed.
func (h *Host) Destroy(ctx context.Context) error {
	h.End()
	if err := h.engine.remove(ctx, h.id); err != nil {
		return fmt.Errorf("destroy %s: %w", h.Name(), err)
	}
	h.Wait() // bounded: their context has ended
	return nil
}

// remove kills and removes a container, and waits until it is gone.
func (e *engine) remove(ctx context.Context, id string) error {
	ctx, cancel := removal(ctx)
	defer cancel()
	return failed(wait.For(ctx, "container "+id+" to be gone", 50*time.Millisecond, func(ctx context.Context) error {
		_, err := e.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if errdefs.IsNotFound(err) {
			return nil
		}
		return errors.Join(errors.New("it is still there"), err) // one that is being removed already is asked for again
	}))
}

// removal bounds the end of a container by destroyTime, and by its caller's time, but for removeTime.
func removal(ctx context.Context) (context.Context, context.CancelFunc) {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), destroyTime)
	least := time.Now().Add(removeTime)
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(time.Until(least)):
			cancel()
		case <-own.Done():
		}
	})
	return own, func() { stop(); cancel() }
}
