package doc

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// A part or a target that was renamed is found here, not by the runner after the merge.
func TestCI_NamesOnlyWhatIsThere(t *testing.T) {
	workflow, run, makefile := content(t, ".github/workflows/ci.yml"), content(t, ".ci/run"), content(t, "Makefile")

	parts := found(workflow, `\{part: ([a-z]+),`)
	require.Equal(t, []string{"lint", "unit", "ci", "versions"}, parts)
	assert.Contains(t, workflow, "- run: .ci/run ${{ matrix.part }}\n")
	assert.Len(t, found(workflow, `(?m)^\s*(?:- )?run: (.*)`), 1,
		"the workflow runs something of its own beside .ci/run")
	for _, part := range parts {
		assert.Regexp(t, `(?m)^`+part+`\(\) \{`, run, ".ci/run has no part %s", part)
	}

	run = regexp.MustCompile(`(?m)^#.*`).ReplaceAllString(run, "")
	targets := append(found(run, `\bmake ([a-z][a-z-]*)`), found(run, `(?m)^  tests ([a-z-]+)$`)...)
	require.Greater(t, len(targets), 7)
	for _, target := range targets {
		assert.Regexp(t, `(?m)^`+target+`:`, makefile, "the Makefile has no target %s, which .ci/run makes", target)
	}
	for _, script := range append(found(run, `\.ci/([a-z]+)`), found(makefile, `\.ci/([a-z]+)`)...) {
		assert.FileExists(t, filepath.Join(root, ".ci", script))
	}
}

func content(t *testing.T, file string) string {
	t.Helper()
	read, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	return string(read)
}

// found are the first groups of every match.
func found(text, pattern string) []string {
	var groups []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		groups = append(groups, match[1])
	}
	return groups
}
