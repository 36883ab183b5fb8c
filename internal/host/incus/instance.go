package incus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/reason"
)

// Instance is a container to be made.
type Instance struct {
	Name      string
	Image     string // alias or fingerprint, in the daemon's own image store
	Ephemeral bool   // gone when it stops
	Config    map[string]string
	Devices   map[string]map[string]string // a root disk on the usual pool is added when there is none
}

// errTaken is the answer to a name somebody else has.
var errTaken = errors.New("the name is taken")

// Create makes a container and starts it; profiles are not applied. One that was made and
// could not be started is returned with the error: it is still there, and must be
// destroyed. Errors are image_missing, disk_space, or sandbox_failed.
func (d *Daemon) Create(ctx context.Context, i Instance) (*Host, error) {
	image, err := d.image(ctx, i.Image)
	if err != nil {
		return nil, failed(err)
	}
	devices, err := d.withRoot(ctx, i.Devices)
	if err != nil {
		return nil, failed(err)
	}
	h := d.Open(i.Name)
	h.id = rand.Text()
	i.Config = maps.Clone(i.Config)
	if i.Config == nil {
		i.Config = map[string]string{}
	}
	i.Config[keyID] = h.id
	if err := d.make(ctx, i, image, devices); err != nil {
		if errors.Is(err, errTaken) {
			return nil, failed(err)
		}
		return h, failed(fmt.Errorf("create instance %s: %w", i.Name, err))
	}
	if err := h.start(ctx); err != nil {
		return h, failed(fmt.Errorf("start instance %s: %w", i.Name, err))
	}
	return h, nil
}

// Open is a container that is there already; nothing is asked of the daemon.
func (d *Daemon) Open(name string) *Host { return newHost(d, name) }

// make creates the instance, without starting it. Whether it is there is known on return, also
// when ctx has ended: nobody may look for it, see nothing, and leave it behind.
func (d *Daemon) make(ctx context.Context, i Instance, image string, devices map[string]map[string]string) error {
	err := d.settle(ctx, http.MethodPost, "/1.0/instances", api.InstancesPost{
		Name:   i.Name,
		Type:   api.InstanceTypeContainer,
		Source: api.InstanceSource{Type: "image", Fingerprint: image},
		InstancePut: api.InstancePut{
			Ephemeral: i.Ephemeral, Profiles: []string{}, Config: i.Config, Devices: devices,
		},
	})
	if taken(err) {
		return fmt.Errorf("instance %s: %w: %w", i.Name, errTaken, err)
	}
	return err
}

// image is the fingerprint an alias stands for, or the name itself when it is one.
func (d *Daemon) image(ctx context.Context, name string) (string, error) {
	var alias api.ImageAliasesEntry
	err := d.get(ctx, "/1.0/images/aliases/"+escape(name), &alias)
	if err == nil {
		return alias.Target, nil
	}
	if !notFound(err) {
		return "", err
	}
	var image api.Image
	if err := d.get(ctx, "/1.0/images/"+escape(name), &image); err != nil {
		if !notFound(err) {
			return "", err
		}
		return "", reason.Errorf(reason.ImageMissing, "there is no image %q on %s: build it with `make image`, or name another with -image", name, d.place)
	}
	return image.Fingerprint, nil
}

// withRoot adds the root disk that every instance needs where none is given.
func (d *Daemon) withRoot(ctx context.Context, given map[string]map[string]string) (map[string]map[string]string, error) {
	devices := map[string]map[string]string{}
	for name, device := range given {
		devices[name] = device
		if device["type"] == "disk" && device["path"] == "/" {
			return given, nil
		}
	}
	pool, err := d.pool(ctx)
	if err != nil {
		return nil, err
	}
	devices["root"] = map[string]string{"type": "disk", "path": "/", "pool": pool}
	return devices, nil
}

// pool is the storage pool of the default profile's root disk, else the only one there is.
func (d *Daemon) pool(ctx context.Context) (string, error) {
	profile, err := d.defaultProfile(ctx)
	if err != nil {
		return "", err
	}
	for _, device := range profile.Devices {
		if device["type"] == "disk" && device["path"] == "/" && device["pool"] != "" {
			return device["pool"], nil
		}
	}
	var pools []api.StoragePool
	if err := d.get(ctx, "/1.0/storage-pools?recursion=1", &pools); err != nil {
		return "", err
	}
	if len(pools) == 1 {
		return pools[0].Name, nil
	}
	return "", reason.Errorf(reason.SandboxFailed, "%s has %d storage pools, and its default profile says nothing: name one with "+
		"`incus profile device add %sdefault root disk path=/ pool=POOL%s`", d.place, len(pools), d.prefix, d.options)
}

// defaultProfile says what instances of the project usually get; a project without one says nothing.
func (d *Daemon) defaultProfile(ctx context.Context) (api.Profile, error) {
	var profile api.Profile
	err := d.get(ctx, "/1.0/profiles/default", &profile)
	if notFound(err) {
		err = nil
	}
	return profile, err
}

// life is one run of one instance, from a start to a stop.
type life struct {
	id      string
	started time.Time
}

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

// identify remembers which instance has the name now.
func (h *Host) identify(ctx context.Context) error {
	i, err := h.state(ctx)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.id = i.Config[keyID]
	return nil
}

func (h *Host) identity() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.id
}

// start starts the instance.
func (h *Host) start(ctx context.Context) error {
	return h.daemon.operate(ctx, http.MethodPut, h.path("state"), api.InstanceStatePut{Action: "start", Timeout: -1})
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

// inLife is the life the instance is in, or why it is in none: whatever a command in it
// said then means nothing.
func (h *Host) inLife(ctx context.Context) (life, error) {
	i, err := h.state(ctx)
	if notFound(err) {
		return life{}, reason.Errorf(reason.SandboxFailed, "instance %s is gone: somebody deleted or stopped it, or its machine was restarted", h.name)
	}
	if err != nil {
		return life{}, err
	}
	if i.StatusCode != api.Running {
		return life{}, reason.Errorf(reason.SandboxFailed, "instance %s is not running (%s): somebody stopped it, or it was killed", h.name, i.Status)
	}
	return life{i.Config[keyID], i.LastUsedAt}, nil
}
