package process

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// The room is TMPDIR's, and the sentence names it.
func TestRoom(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	t.Setenv("TMPDIR", dir)
	room, err := Provider{}.Room(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, "TMPDIR ("+dir+")", room.Place)
	assert.Contains(t, room.Mend, "point TMPDIR at")
	assert.Positive(t, room.Free)
	assert.Equal(t, sameFileSystem(dir, "/"), room.Shared)

	t.Setenv("TMPDIR", dir+"/none")
	_, err = Provider{}.Room(t.Context(), nil)
	why, _ := reason.Of(err)
	assert.Equal(t, reason.SandboxFailed, why)
	require.ErrorContains(t, err, "TMPDIR")
}

func TestSameFileSystem(t *testing.T) {
	assert.True(t, sameFileSystem("/", "/usr/.."))
	assert.False(t, sameFileSystem("/proc", "/"))
	assert.False(t, sameFileSystem("/none", "/none"), "not known")
}
