package settings

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A cycle is whole days.
func TestDays(t *testing.T) {
	d, err := parseDays("7d")
	require.NoError(t, err)
	assert.Equal(t, 7*24*time.Hour, d)
	for _, value := range []string{"7", "0d", "93d", "1.5d", "-1d", "168h", "d", "7 d"} {
		_, err = parseDays(value)
		assert.ErrorContains(t, err, "must be whole days, 1d to 92d", value)
	}
}
