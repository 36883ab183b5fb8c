package backup

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// What verify names is red, and so is a verify that read nothing.
func TestDamage(t *testing.T) {
	require.NoError(t, damage(nil, 10))
	err := damage(nil, 0)
	requireReason(t, reason.RepoCorrupt, err)
	require.ErrorContains(t, err, "read no file: nothing is proved")
	err = damage([]string{"one", "two"}, 10)
	requireReason(t, reason.RepoCorrupt, err)
	assert.ErrorContains(t, err, "pgbackrest verify: one; two")
}
