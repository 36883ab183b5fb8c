package drill

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A long restore says how far it is and how long it will take; a total nobody knows is not
// divided by, and more than all is not more than 100 %.
func TestProgressLine(t *testing.T) {
	assert.Equal(t, "1200.0 MB of 4000.0 MB (30 %), 120.0 MB/s, 23s left",
		progressLine(1_200_000_000, 4_000_000_000, 10*time.Second))
	assert.Equal(t, "50.0 MB of 40.0 MB (100 %), 5.0 MB/s", progressLine(50_000_000, 40_000_000, 10*time.Second))
	assert.Equal(t, "0.0 MB of 0.0 MB, 0.0 MB/s", progressLine(0, 0, time.Second))
}

// What watches is over when stop returns, also when it never looked.
func TestWatch_EndsWithStop(t *testing.T) {
	looks := 0 // without a lock: the race detector proves that nobody looks after stop
	stop := watch(t.Context(), func(context.Context) { looks++ })
	stop()
	assert.Zero(t, looks)
}
