package damage_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/damage"
)

// What is moved aside has a name that pgBackRest passes over, and comes back as the same file: the server has it open.
func TestFile_MovesAside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "PG_VERSION")
	require.NoError(t, os.WriteFile(path, []byte("17\n"), 0o600))
	before, err := os.Stat(path)
	require.NoError(t, err)

	back, err := damage.File(path, nil)
	require.NoError(t, err)
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.True(t, strings.HasPrefix(left[0].Name(), "pgsql_tmp"), left[0].Name())

	require.NoError(t, back())
	after, err := os.Stat(path)
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after))
}
