package incus

import (
	"context"
	"maps"
	"strconv"
	"time"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/sandbox"
)

const (
	imagePrefix = "veza-drill/" // and the major version of PostgreSQL
	leastDisk   = 10 << 30      // bytes
)

// plan is what a sandbox is made from.
type plan struct {
	instance Instance
	stores   []guest.Store
	owner    ids // of the folders
}

// plan turns the spec into an instance, and finds everything it needs.
func (p Provider) plan(ctx context.Context, d *Daemon, spec sandbox.Spec) (plan, error) {
	stores, err := guest.Layout(spec.Stores)
	if err != nil {
		return plan{}, err
	}
	for n := range stores {
		if err = stores[n].Resolve(ctx); err != nil {
			return plan{}, err
		}
	}
	devices, owner, err := d.folders(spec.Folders)
	if err != nil {
		return plan{}, err
	}
	pool, err := d.pool(ctx)
	if err != nil {
		return plan{}, err
	}
	devices["root"] = map[string]string{
		"type": "disk",
		"path": "/",
		"pool": pool,
		"size": strconv.FormatInt(p.RootDisk(spec.Need), 10),
	}
	image := p.Image
	if image == "" {
		image = imagePrefix + spec.Major
	}
	config := p.limits()
	maps.Copy(config, guest.Tags(keyPrefix, spec, time.Now()))
	return plan{Instance{Image: image, Ephemeral: true, Config: config, Devices: devices}, stores, owner}, nil
}

var _ sandbox.Sizer = Provider{}

// RootDisk is the size of the root disk in bytes.
func (p Provider) RootDisk(need int64) int64 {
	if p.Disk > 0 {
		return p.Disk
	}
	return max(leastDisk, 2*need)
}

// limits is the configuration that bounds a sandbox. One whose host crashed must not come up
// by itself (facts E).
func (p Provider) limits() map[string]string {
	config := map[string]string{
		"boot.autostart":    "false",
		"security.guestapi": "false",
	} // nothing inside talks to the daemon
	if p.Memory > 0 {
		config["limits.memory"] = strconv.FormatInt(p.Memory, 10)
	}
	if p.CPUs > 0 {
		config["limits.cpu"] = strconv.FormatInt(p.CPUs, 10)
	}
	return config
}
