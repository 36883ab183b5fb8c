package drill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A replay that stands still on a full disk is ended after a while; one that goes on, has room or is done is not.
func TestStandstill(t *testing.T) {
	const size, full = 16 << 20, 1 << 20
	after := func(d time.Duration) time.Time { return noon.Add(d) }
	var s standstill
	assert.False(t, s.look(after(0), 3, false, full, size))
	assert.False(t, s.look(after(noRoom-1), 3, false, full, size))
	assert.True(t, s.look(after(noRoom), 3, false, full, size))

	s = standstill{}
	assert.False(t, s.look(after(0), 3, false, full, size))
	assert.False(t, s.look(after(noRoom), 4, false, full, size), "it goes on")
	assert.False(t, s.look(after(noRoom+1), 4, false, size, size), "there is room again")
	assert.False(t, s.look(after(2*noRoom), 4, false, full, size))
	assert.False(t, s.look(after(4*noRoom), 4, true, full, size), "the end of recovery needs no segment")
}
