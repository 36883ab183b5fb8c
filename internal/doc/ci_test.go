package doc

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
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
	for _, script := range append(found(run, `\.ci/([a-z-]+)`), found(makefile, `\.ci/([a-z-]+)`)...) {
		assert.FileExists(t, filepath.Join(root, ".ci", script))
	}
}

// Of a build of minutes a line now and then is told, its errors whole, and its exit status.
func TestInstall(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "go")
	script := "#!/bin/sh\necho \"$*\" >$0.asked\n" +
		"for i in 1 2 3; do echo go: downloading example.org/m$i v1 >&2; done\n" +
		"echo example.org/m1/v2\necho '# example.org/m2'\necho 'm.go:1: not Go'\nexit 3\n"
	require.NoError(t, os.WriteFile(tool, []byte(script), 0o755)) //nolint:gosec // it is run
	install := func(every string) string {
		cmd := exec.CommandContext(t.Context(), filepath.Join(root, ".ci/install"), tool, "install", "example.org/m@v1")
		cmd.Env = append(os.Environ(), "TELL_EVERY="+every)
		said, err := cmd.CombinedOutput()
		require.Error(t, err, "%s", said)
		assert.Equal(t, 3, cmd.ProcessState.ExitCode(), "%s", said)
		return regexp.MustCompile(`, \d+ s\n`).ReplaceAllString(string(said), "\n")
	}
	const last = "    fetched 3 modules, compiled 1 packages\n"
	assert.Equal(t, "# example.org/m2\nm.go:1: not Go\n"+last, install("600"))
	asked, err := os.ReadFile(tool + ".asked")
	require.NoError(t, err)
	assert.Equal(t, "install -v example.org/m@v1\n", string(asked))
	assert.Contains(t, install("0"), "    fetched 2 modules, compiled 0 packages\n")
}

// What is said before compiling shows itself is said only while it was never done: out/ says nothing of the cache.
func TestMake_SaysOnlyTheFirstTimeThatItIsTheFirst(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	line := found(content(t, "Makefile"), `(?m)^COMPILED = (.*)$`)
	condition := found(content(t, "Makefile"), `(?m)^COMPILE = @mkdir -p out; (.*); \\$`)
	require.Len(t, line, 1)
	require.Len(t, condition, 1)
	script := strings.ReplaceAll(strings.ReplaceAll(condition[0], "$(COMPILED)", line[0]), "$$", "$")
	said := func() string {
		out, err := exec.CommandContext(t.Context(), "bash", "-euc", script).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	assert.Contains(t, said(), "building what says how far compiling is")
	assert.NotContains(t, said(), "minutes", "compile says that")
	require.NoError(t, os.Mkdir(filepath.Join(cache, "veza-drill"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(cache, "veza-drill", "compiled.json"), []byte("{}"), 0o600))
	assert.Empty(t, said())
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
