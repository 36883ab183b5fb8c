package incus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

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
		err = failed(fmt.Errorf("create instance %s: %w", i.Name, err))
		if errors.As(err, &refused{}) {
			return nil, err // whoever has the name is somebody else
		}
		return h, err
	}
	h.settled(ctx)
	if err := h.start(ctx); err != nil {
		return h, failed(fmt.Errorf("start instance %s: %w", i.Name, err))
	}
	return h, nil
}

// Open is a container that is there already; nothing is asked of the daemon.
func (d *Daemon) Open(name string) *Host { return newHost(d, name) }

// make creates the instance, without starting it. Whether it is there is known on return, also
// when ctx has ended: nobody may look for it, see nothing, and leave it there.
func (d *Daemon) make(ctx context.Context, i Instance, image string, devices map[string]map[string]string) error {
	err := d.settle(ctx, http.MethodPost, d.aimed("/1.0/instances"), api.InstancesPost{
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
		return "", reason.Errorf(reason.ImageMissing,
			"there is no image %q on %s: build it with `%s`, or name another with -image", name, d.place,
			howToBuild(name))
	}
	return image.Fingerprint, nil
}

// howToBuild is the command that makes one of our images: the name of a sandbox's ends with its major version.
func howToBuild(name string) string {
	if major, ok := strings.CutPrefix(name, imagePrefix); ok {
		return "PG_MAJOR=" + major + " make image"
	}
	return "make image"
}

// withRoot adds the root disk that every instance needs where none is given.
func (d *Daemon) withRoot(
	ctx context.Context,
	given map[string]map[string]string,
) (map[string]map[string]string, error) {
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
	hint := fmt.Sprintf("name one with `incus profile device add %sdefault root disk path=/ pool=POOL%s`", d.prefix,
		d.options)
	if err := d.get(ctx, "/1.0/storage-pools?recursion=1",
		&pools); err != nil { // a certificate that is good for one project is told none
		return "", reason.Errorf(reason.SandboxFailed,
			"storage pools of %s: %w; the default profile of project %s says nothing: %s", d.place, err, d.project,
			hint)
	}
	if len(pools) == 1 {
		return pools[0].Name, nil
	}
	return "", reason.Errorf(reason.SandboxFailed, "%s has %d storage pools, and its default profile says nothing: %s",
		d.place, len(pools), hint)
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
