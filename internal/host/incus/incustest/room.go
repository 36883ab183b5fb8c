package incustest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/incus"
)

// testRoom: what is free in the small pool, which others live in as soon as it holds a volume.
func testRoom(t *testing.T) {
	_, err := incus.Provider{}.Warnings(soon(t))
	require.NoError(t, err)
	room, err := incus.Provider{}.Room(soon(t), nil)
	require.NoError(t, err)
	assert.EqualValues(t, 100<<20, room.Total)
	assert.Positive(t, room.Free)
	assert.LessOrEqual(t, room.Free, room.Total)
	assert.Contains(t, room.Place, "storage pool small of the Incus daemon on /")
	assert.Regexp(t, "`incus storage info (local:)?small`", room.Mend)
	assert.Empty(t, room.Doubt, "a directory on tmpfs")
	assert.False(t, room.Shared)
	command(t, "incus", "storage", "volume", "create", "local:small", "others")
	room, err = incus.Provider{}.Room(soon(t), nil)
	require.NoError(t, err)
	assert.True(t, room.Shared)
	command(t, "incus", "storage", "volume", "delete", "local:small", "others")
}
