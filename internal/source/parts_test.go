package source

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// However few the rows: none is lost or invented, and some come after the last backup.
func TestParts_AddUp(t *testing.T) {
	for _, rows := range []int{1, 2, 3, 99, 100, 101, DefaultRows} {
		first, between, after := parts(rows)
		assert.Equal(t, rows, first+between+after)
		assert.GreaterOrEqual(t, first, 0)
		assert.GreaterOrEqual(t, between, 0)
		assert.Positive(t, after)
	}
}
