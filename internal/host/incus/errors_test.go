package incus

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/lxc/incus/v6/shared/api"
	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
)

// The daemon has only words for a full pool; who knew better keeps the last word.
func TestFailed(t *testing.T) {
	for text, want := range map[string]reason.Reason{
		"Failed creating instance from image: Unable to unpack image, run out of disk space": reason.DiskSpace,
		"unsquashfs: write failed: No space left on device":                                  reason.DiskSpace,
		"btrfs: Disk quota exceeded":                                                         reason.DiskSpace,
		"Failed to run: forkstart":                                                           reason.SandboxFailed,
		"Unable to find quota group":                                                         reason.SandboxFailed,
	} {
		why, _ := reason.Of(failed(errors.New(text)))
		assert.Equal(t, want, why, text)
	}
	known := reason.Errorf(reason.ImageMissing, "no image")
	why, _ := reason.Of(failed(fmt.Errorf("launch: %w", known)))
	assert.Equal(t, reason.ImageMissing, why)
	assert.NoError(t, failed(nil))
	_, known2 := reason.Of(ifFull(errors.New("permission denied")))
	assert.False(t, known2, "a file's error is not the sandbox's")
}

// What the daemon answers to two runs that want one name.
func TestTaken(t *testing.T) {
	for _, err := range []error{
		api.StatusErrorf(http.StatusConflict, "any words"),
		errors.New(`Instance "pg-restore-drill" already exists`),
		errors.New(`Failed creating instance record: Instance is busy running a "create" operation`),
		errors.New(`Failed to create "instances" entry: ` +
			`UNIQUE constraint failed: instances.project_id, instances.name`),
	} {
		assert.True(t, taken(err), "%v", err)
	}
	assert.False(t, taken(nil))
	assert.False(t, taken(errors.New("Failed starting instance")))
}

func TestAnswered(t *testing.T) {
	gone := fmt.Errorf("ask: %w", api.StatusErrorf(http.StatusNotFound, "Instance not found"))
	assert.True(t, notFound(gone))
	assert.True(t, answered(gone))
	refused := errors.New("dial unix /var/lib/incus/unix.socket: connect: connection refused")
	assert.False(t, notFound(refused))
	assert.False(t, answered(refused))
}

// No exit status is ever made up.
func TestStatus(t *testing.T) {
	for name, op := range map[string]*api.Operation{
		"nothing":    {},
		"no attach":  {Metadata: map[string]any{"return": float64(-1)}, Err: "Failed to retrieve PID"},
		"other kind": {Metadata: map[string]any{"return": "0"}},
		"timed out": {Metadata: map[string]any{"fds": map[string]any{}}, Err: "Timed out waiting for websockets to " +
			"connect"},
	} {
		_, err := status(op)
		assert.Error(t, err, name)
	}
	code, err := status(&api.Operation{Metadata: map[string]any{"return": float64(127)}, Err: "Command not found"})
	assert.NoError(t, err)
	assert.Equal(t, 127, code)
}
