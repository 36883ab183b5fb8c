package drill

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What watches is over when stop returns, also when it never looked.
func TestWatch_EndsWithStop(t *testing.T) {
	looks := 0 // without a lock: the race detector proves that nobody looks after stop
	stop := watch(t.Context(), func(context.Context) { looks++ })
	stop()
	assert.Zero(t, looks)
}
