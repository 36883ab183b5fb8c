package docker

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/sandbox"
)

func TestReadRoom(t *testing.T) {
	room, err := readRoom("       Avail     1B-blocks\n 66543210496 270405120000\n")
	require.NoError(t, err)
	assert.Equal(t, sandbox.Room{Free: 66543210496, Total: 270405120000}, room)
	for _, said := range []string{"", "Avail\n", "Avail\n1\n", "Avail\n- -\n", "Avail\n1 2 3\n", "Avail\n1 x\n"} {
		_, err = readRoom(said)
		require.ErrorContains(t, err, "df says", said)
	}
}

// Only of a file system that does not compress is it known that what is free is all there is.
func TestDoubt(t *testing.T) {
	line := func(fs string) [][2]string {
		return [][2]string{{"Supports d_type", "true"}, {"Backing Filesystem", fs}}
	}
	for _, fs := range []string{"extfs", "xfs"} {
		assert.Empty(t, doubt(line(fs)), fs)
	}
	assert.Contains(t, doubt(line("btrfs")), "btrfs, may compress")
	assert.Contains(t, doubt([][2]string{{"Pool", "tank"}, {"Compression", "lz4"}}), "not known", "the zfs driver")
	assert.Contains(t, doubt(nil), "not known")
}

// Whatever a container's df says, it is an amount or an error.
func FuzzReadRoom(f *testing.F) {
	f.Add("       Avail     1B-blocks\n 66543210496 270405120000\n")
	f.Add("Avail\n-1 1\n")
	f.Fuzz(func(t *testing.T, said string) {
		room, err := readRoom(said)
		if err == nil {
			assert.GreaterOrEqual(t, room.Free, int64(0))
			assert.GreaterOrEqual(t, room.Total, int64(0))
		}
	})
}
