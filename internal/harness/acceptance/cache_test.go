package acceptance

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Go takes a passed test from its cache when nothing it looked at has changed, and a
// drill that did not run would then look like a pass.
func TestPlainGoTest_DrillsEveryTime(t *testing.T) {
	long(t)
	assert.NotContains(t, secondRun(t, "veza.fr/recovery/drill"), "(cached)")
	assert.NotContains(t, secondRun(t, "veza.fr/recovery/backup"), "(cached)")
	assert.Contains(t, secondRun(t, "veza.fr/recovery/internal/wal"), "(cached)",
		"any other package is taken from the cache, so this test can fail")
}

// secondRun runs a package's short tests twice, and returns what the second run printed.
func secondRun(t *testing.T, pkg string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var out []byte
	for range 2 {
		var err error
		out, err = exec.CommandContext(ctx, "go", "test", "-short", pkg).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	return string(out)
}
