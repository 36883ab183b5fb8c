package incus

import (
	"context"
	"net/http"
	"time"

	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// state asks for the instance h means: not found when it is gone, also when another has its name now.
func (h *Host) state(ctx context.Context) (api.Instance, error) {
	var i api.Instance
	if err := h.daemon.get(ctx, h.path(), &i); err != nil {
		return i, err
	}
	if id := h.identity(); id != "" && id != i.Config[keyID] {
		return i, api.StatusErrorf(http.StatusNotFound, "another instance is called %s now", h.name)
	}
	return i, nil
}

func (h *Host) identity() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.id
}

// busyTime bounds the wait for another operation on an instance's name.
const busyTime = 30 * time.Second

// start starts the instance. A run that began at the same moment may just be told that the name
// is taken: until its own operation has ended, the daemon starts nothing of that name.
func (h *Host) start(ctx context.Context) error {
	bound, cancel := context.WithTimeout(ctx, busyTime)
	defer cancel()
	return wait.For(bound, "instance "+h.name+" to start", busyTime/100, func(context.Context) error {
		put := api.InstanceStatePut{Action: "start", Timeout: -1}
		err := h.daemon.operate(ctx, http.MethodPut, h.path("state"), put)
		if err != nil && !busy(err) {
			return wait.Stop(err)
		}
		return err
	})
}

// change is what an instance gets besides what it has; api.InstancePut would say more.
type change struct {
	Config  map[string]string            `json:"config,omitempty"`
	Devices map[string]map[string]string `json:"devices,omitempty"`
}

// patch changes the instance: what is not named stays as it is.
func (h *Host) patch(ctx context.Context, change change) error {
	_, err := h.daemon.call(ctx, patchTime, http.MethodPatch, h.path(), change)
	return err
}

// Life is the life the instance is in, or why it is in none: whatever a command in it
// said then means nothing.
func (h *Host) Life(ctx context.Context) (string, error) {
	i, err := h.state(ctx)
	if notFound(err) {
		return "", reason.Errorf(reason.SandboxFailed,
			"instance %s is gone: somebody deleted or stopped it, or its machine was restarted", h.name)
	}
	if err != nil {
		return "", err
	}
	if i.StatusCode != api.Running {
		return "", reason.Errorf(reason.SandboxFailed,
			"instance %s is not running (%s): somebody stopped it, or it was killed", h.name, i.Status)
	}
	return i.Config[keyID] + " " + i.LastUsedAt.Format(time.RFC3339Nano), nil
}
