package incus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/lxc/incus/v6/shared/api"
	"github.com/lxc/incus/v6/shared/util"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/sandbox"
)

var _ sandbox.Measurer = Provider{}

// Room is what is free in the storage pool that a sandbox's root disk would be made in.
func (p Provider) Room(ctx context.Context, _ host.Host) (sandbox.Room, error) {
	d, err := p.connect(ctx)
	if err != nil {
		return sandbox.Room{}, err
	}
	name, err := d.pool(ctx)
	if err != nil {
		return sandbox.Room{}, err
	}
	path := "/1.0/storage-pools/" + escape(name)
	var (
		pool api.StoragePool
		has  api.ResourcesStoragePool
	)
	about, err := d.about(ctx)
	if err = errors.Join(err, d.get(ctx, path, &pool), d.get(ctx, path+"/resources", &has)); err != nil {
		return sandbox.Room{}, fmt.Errorf("storage pool %s of %s: %w", name, d.place, err)
	}
	room, err := measured(has.Space)
	room.Place = fmt.Sprintf("storage pool %s of %s", name, d.place)
	room.Mend = fmt.Sprintf("free some (`incus storage info %s%s` says what there is), or name a larger pool in the "+
		"default profile of project %s", d.prefix, name, d.project)
	room.Shared = shared(pool.UsedBy)
	if room.Doubt = d.doubt(pool); about.Environment.ServerClustered {
		room.Doubt = "another member of the cluster may take the sandbox, and has a pool of its own"
	}
	return room, err
}

// measured is what the daemon says of a pool, as bytes.
func measured(says api.ResourcesStoragePoolSpace) (sandbox.Room, error) {
	if says.Total == 0 || says.Total > math.MaxInt64 {
		return sandbox.Room{}, errors.New("the storage pool's size is not told")
	}
	used := min(says.Used, says.Total)
	return sandbox.Room{Free: int64(says.Total - used), Total: int64(says.Total)}, nil
}

// shared says whether instances or volumes live in a pool; images can be fetched again. A certificate that is good for
// one project is told of that project's alone.
func shared(usedBy []string) bool {
	for _, user := range usedBy {
		if strings.HasPrefix(user, "/1.0/instances/") || strings.HasPrefix(user, "/1.0/storage-pools/") {
			return true
		}
	}
	return false
}

// doubt is why a pool may hold more than is free in it; "" where it cannot.
func (d *Daemon) doubt(pool api.StoragePool) string {
	config, source := pool.Config, pool.Config["source"]
	switch {
	case len(config) == 0: // only whoever may change a pool is told
		return "how the pool stores is not told to this client"
	case pool.Driver == "dir" && !d.here:
		return "what the pool's directory lies on cannot be seen from here"
	case pool.Driver == "dir":
		below, err := sandbox.Measure(source)
		if err != nil {
			return "what the pool's directory lies on cannot be seen"
		}
		return below.Doubt
	case pool.Driver == "btrfs" && ownDevice(source) && !strings.Contains(config["btrfs.mount_options"], "compress"):
		return ""
	case pool.Driver == "lvm" && util.IsFalse(config["lvm.use_thinpool"]):
		return ""
	case pool.Driver == "lvm":
		return "a thin pool may grow"
	}
	return pool.Driver + " may compress"
}

// ownDevice says whether a pool has a device, or the daemon's file for one, to itself. It is mounted as the pool says
// then; else its options are those of a file system that was there before.
func ownDevice(source string) bool {
	return strings.HasPrefix(source, "/dev/") || strings.HasSuffix(source, ".img")
}
