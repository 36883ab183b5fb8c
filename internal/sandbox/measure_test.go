package sandbox

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A directory has the room of its file system; /proc is of one that nothing is known of.
func TestMeasure(t *testing.T) {
	room, err := Measure(t.TempDir())
	require.NoError(t, err)
	assert.Positive(t, room.Free)
	assert.Greater(t, room.Total, room.Free)
	room, err = Measure("/proc")
	require.NoError(t, err)
	assert.Contains(t, room.Doubt, "of type 0x9fa0 may compress")
	_, err = Measure(t.TempDir() + "/none")
	require.ErrorIs(t, err, fs.ErrNotExist)
}
