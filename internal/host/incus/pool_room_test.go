package incus

import (
	"os"
	"testing"

	"github.com/lxc/incus/v6/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/sandbox"
)

func TestMeasured(t *testing.T) {
	room, err := measured(api.ResourcesStoragePoolSpace{Used: 30, Total: 100})
	require.NoError(t, err)
	assert.Equal(t, sandbox.Room{Free: 70, Total: 100}, room)
	room, err = measured(api.ResourcesStoragePoolSpace{Used: 130, Total: 100})
	require.NoError(t, err)
	assert.Equal(t, sandbox.Room{Total: 100}, room)
	for _, says := range []uint64{0, 1 << 63} {
		_, err = measured(api.ResourcesStoragePoolSpace{Total: says})
		require.ErrorContains(t, err, "is not told", says)
	}
}

// Others are those that would suffer; an image is fetched again, a profile only names the pool.
func TestShared(t *testing.T) {
	assert.False(t, shared(nil))
	assert.False(t, shared([]string{"/1.0/images/abc", "/1.0/profiles/default"}))
	assert.True(t, shared([]string{"/1.0/images/abc", "/1.0/instances/db1"}))
	assert.True(t, shared([]string{"/1.0/storage-pools/fast/volumes/custom/data?project=a"}))
}

// Only of a pool in which a byte takes a byte is it known that what is free is all there is.
func TestDoubt(t *testing.T) {
	here, away := &Daemon{here: true}, &Daemon{}
	pool := func(driver string, config ...string) api.StoragePool {
		p := api.StoragePool{Name: "p", Driver: driver}
		p.Config = map[string]string{"volatile.initial_source": "x"}
		for n := 0; n < len(config); n += 2 {
			p.Config[config[n]] = config[n+1]
		}
		return p
	}
	below, err := sandbox.Measure(os.TempDir())
	require.NoError(t, err)
	const loop = "/var/lib/incus/disks/p.img"
	mounted := func(options string) api.StoragePool {
		return pool("btrfs", "source", loop, "btrfs.mount_options", options)
	}
	for name, c := range map[string]struct {
		daemon *Daemon
		pool   api.StoragePool
		says   string
	}{
		"a restricted certificate":   {here, api.StoragePool{Driver: "btrfs"}, "is not told to this client"},
		"dir elsewhere":              {away, pool("dir", "source", "/tmp"), "cannot be seen from here"},
		"dir that is gone":           {here, pool("dir", "source", "/none"), "cannot be seen"},
		"dir on what nobody knows":   {here, pool("dir", "source", "/proc"), "may compress"},
		"dir":                        {here, pool("dir", "source", os.TempDir()), below.Doubt},
		"btrfs in a file":            {away, pool("btrfs", "source", loop), ""},
		"btrfs on a device":          {away, pool("btrfs", "source", "/dev/vdb"), ""},
		"btrfs in another's":         {here, pool("btrfs", "source", "/srv/incus"), "btrfs may compress"},
		"btrfs by uuid":              {here, pool("btrfs", "source", "0f1e"), "btrfs may compress"},
		"btrfs that compresses":      {here, mounted("compress=zstd"), "may compress"},
		"btrfs that must":            {here, mounted("noatime,compress-force"), "may compress"},
		"lvm":                        {away, pool("lvm", "lvm.use_thinpool", "false"), ""},
		"lvm, thin":                  {away, pool("lvm", "lvm.use_thinpool", "true"), "a thin pool may grow"},
		"lvm, thin as it usually is": {away, pool("lvm"), "a thin pool may grow"},
		"zfs":                        {here, pool("zfs", "source", loop), "zfs may compress"},
		"ceph":                       {here, pool("ceph"), "ceph may compress"},
	} {
		got := c.daemon.doubt(c.pool)
		assert.Contains(t, got, c.says, name)
		assert.Equal(t, c.says == "", got == "", "%s: %s", name, got)
	}
}
