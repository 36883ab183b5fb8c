package prodtest

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The lab takes long to come to a block that lost its place, or that nobody types.
func TestProcedure_HasEveryStepInItsPlace(t *testing.T) {
	page := procedure(t)
	var where []string
	for _, step := range page.Blocks() {
		assert.NotEmpty(t, strings.TrimSpace(step.Script), step.Where)
		where = append(where, step.Where)
	}
	assert.Equal(t, []string{
		"node", "monitor", "controller", "primary", "primary", "primary", "standby", "monitor",
		"controller", "primary", "drill",
	}, where)
	assert.Contains(t, page.Preamble, "pg() {")

	content, err := os.ReadFile(runbooks + "restore-for-real.md")
	require.NoError(t, err)
	assert.Equal(t, 2*(1+len(where)), strings.Count("\n"+string(content), "\n```"), "a block that is not typed")
	require.Len(t, page.Sections, 8)
	for i, section := range page.Sections {
		assert.Equal(t, strconv.Itoa(i+1), section.Number, "a step without its heading")
	}
}
