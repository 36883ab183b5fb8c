package prodtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The lab takes long to come to a block that lost its place, or that nobody types.
func TestProcedure_HasEveryStepInItsPlace(t *testing.T) {
	preamble, steps := procedure(t)
	var where []string
	for _, step := range steps {
		assert.NotEmpty(t, strings.TrimSpace(step.script), step.where)
		where = append(where, step.where)
	}
	assert.Equal(t, []string{
		"node", "monitor", "controller", "primary", "primary", "primary", "standby", "monitor",
		"controller", "primary", "drill",
	}, where)
	assert.Contains(t, preamble, "pg() {")

	content, err := os.ReadFile(filepath.Join(root, page))
	require.NoError(t, err)
	assert.Equal(t, 2*(1+len(steps)), strings.Count("\n"+string(content), "\n```"), "a block that is not typed")
	for i := range 8 {
		assert.Contains(t, string(content), "\n## "+string(rune('1'+i))+". ", "a step without its heading")
	}
}
