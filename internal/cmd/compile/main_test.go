package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The program is there when all is compiled, and what does not compile is told once.
func TestRun(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{
		"go.mod": "module example.org/m\n\ngo 1.26\n",
		"program/main.go": "package main\n\nimport \"example.org/m/dep\"\n\n" +
			"func main() { println(dep.Word) }\n",
		"dep/dep.go":       "package dep\n\nconst Word = \"none\"\n",
		"dep/tag.go":       "//go:build tag\n\npackage dep\n\nfunc init() { print(\"tag \") }\n",
		"tests/a_test.go":  "package tests\n\nimport _ \"example.org/m/dep\"\n",
		"broken/broken.go": "package broken\n\nfunc f() { return 1 }\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	file := filepath.Join(dir, "out")
	require.NoError(t, run(t.Context(), "go", "tag", file, "./program", []string{"./tests"}))
	said, err := exec.CommandContext(t.Context(), file).CombinedOutput()
	require.NoError(t, err)
	assert.Equal(t, "tag none\n", string(said))

	require.NoError(t, os.Remove(file))
	require.Error(t, run(t.Context(), "go", "", file, "./broken", nil))
	assert.NoFileExists(t, file)
}
