package incus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/wait"
)

// Bounds on the end of a container.
const (
	awayTime    = 20 * time.Second // how long a daemon may be away: a restart of it
	destroyTime = 2 * time.Minute  // all in all
	askInterval = 100 * time.Millisecond
)

// Destroy stops the container by force, deletes it unless it goes by itself, and waits until
// it is gone. It bears with a daemon that is away for up to 20 s. Commands under way end
// with host.ErrDestroyed.
func (h *Host) Destroy(ctx context.Context) error {
	h.End()
	ctx, cancel := context.WithTimeout(ctx, destroyTime)
	defer cancel()
	if err := h.remove(ctx); err != nil {
		return fmt.Errorf("destroy %s: %w", h.name, failed(err))
	}
	h.Wait() // bounded: their context has ended
	if err := h.removeSockets(); err != nil {
		return fmt.Errorf("destroy %s: %w", h.name, failed(err))
	}
	return nil
}

// remove does what the instance's state calls for until it is gone. Each step may be lost
// with the daemon, so it is the state alone that counts.
func (h *Host) remove(ctx context.Context) error {
	var away time.Time // since when the daemon does not answer
	return wait.For(ctx, "instance "+h.name+" to be gone", askInterval, func(ctx context.Context) error {
		i, err := h.state(ctx)
		if err == nil {
			err = h.removeStep(ctx, i)
		}
		if notFound(err) {
			return nil
		}
		if answered(err) || err == nil {
			away = time.Time{}
		} else if away.IsZero() {
			away = time.Now()
		}
		if !away.IsZero() && time.Since(away) > awayTime {
			return wait.Stop(err)
		}
		return errors.Join(errors.New("it is still there"), err)
	})
}

// removeStep stops an instance that runs and deletes one that does not.
func (h *Host) removeStep(ctx context.Context, i api.Instance) error {
	if i.StatusCode == api.Stopped || i.StatusCode == api.Error {
		return h.daemon.operate(ctx, http.MethodDelete, h.path(), nil)
	}
	return h.daemon.operate(ctx, http.MethodPut, h.path("state"),
		api.InstanceStatePut{Action: "stop", Force: true, Timeout: -1})
}
