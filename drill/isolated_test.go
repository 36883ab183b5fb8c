package drill

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// That nothing runs by itself is said only where no process of a library was seen.
func TestIsolated(t *testing.T) {
	assert.Equal(t, "the clone does not archive, follows nobody, and runs nothing by itself; preloaded: nothing",
		isolated(false, nil, false))
	assert.Equal(t, "the clone archives nothing yet, follows nobody; preloaded: citus",
		isolated(true, []string{"citus"}, true))
}
