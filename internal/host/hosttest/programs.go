package hosttest

import (
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// ServerPrograms is where the programs of the newest PostgreSQL server of this machine are.
func ServerPrograms(t testing.TB) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	require.NoError(t, err)
	require.NotEmpty(t, found, "no PostgreSQL server here: apt-get install postgresql")
	return slices.MaxFunc(found, func(a, b string) int { return major(a) - major(b) })
}

func major(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin))) // 0 for what is no version
	return n
}
