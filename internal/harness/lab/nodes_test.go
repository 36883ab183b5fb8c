package lab

import (
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every node has a name and an address of its own on the bridge, and all that Up and Check ask of it.
func TestNodes(t *testing.T) {
	network := netip.MustParsePrefix(subnet)
	seen := map[string]bool{gateway: true}
	for _, n := range nodes {
		address := netip.MustParseAddr(n.address())
		assert.True(t, network.Contains(address), n.name)
		for _, unique := range []string{n.address(), n.fqdn()} {
			assert.False(t, seen[unique], unique)
			seen[unique] = true
		}
		assert.NotNil(t, n.setUp, n.name)
		assert.NotNil(t, n.check, n.name)
		found, err := find(n.name)
		require.NoError(t, err)
		assert.Equal(t, n.address(), found.address())
	}
	assert.Contains(t, seen, "s3.lab.veza.test", "the endpoint is part of confs and certificates")
	_, err := find("db9")
	require.ErrorContains(t, err, "db9")
}

// The address is set before the container's init starts.
func TestNode_Raw(t *testing.T) {
	assert.Equal(t, "lxc.net.0.ipv4.address = 198.19.77.10/24\nlxc.net.0.ipv4.gateway = 198.19.77.1",
		node{name: storeNode}.raw())
}

// A program that is missing is named before anything is made, with what builds it.
func TestStoreDevices_NoProgram(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", "")
	_, err := storeDevices()
	require.ErrorContains(t, err, "make minio")
}

// Two cannot make or remove the lab at once.
func TestAcquire(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	release, err := acquire(file)
	require.NoError(t, err)
	_, err = acquire(file)
	require.ErrorContains(t, err, "somebody else")
	require.NoError(t, release())
	release, err = acquire(file)
	require.NoError(t, err)
	require.NoError(t, release())
}
