package postgres

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/wal"
)

// A checkpoint is read with its timeline, or not at all.
func TestCheckpoint(t *testing.T) {
	const redo = "Latest checkpoint's REDO location:    0/7000028\n"
	const timeline = "Latest checkpoint's TimeLineID:       3\n"
	number, at, err := ParseControl(redo + timeline).Checkpoint()
	require.NoError(t, err)
	assert.Equal(t, uint32(3), number)
	assert.Equal(t, wal.LSN(0x7000028), at)
	for _, output := range []string{"", redo, timeline} {
		_, _, err = ParseControl(output).Checkpoint()
		assert.Error(t, err, output)
	}
}
