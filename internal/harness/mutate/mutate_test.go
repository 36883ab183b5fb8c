package mutate_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/mutate"
)

const program = `package p

import "errors"

func check(n int) error {
	if n < 3 && n != 0 {
		return errors.New("few")
	}
	println(n)
	switch {
	case n > 9:
		return nil
	}
	return nil
}
`

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestOf_MutatesEachKindOfPlace(t *testing.T) {
	mutants, err := mutate.Of(write(t, t.TempDir(), "p.go", program))
	require.NoError(t, err)
	var changes []string
	for _, m := range mutants {
		changes = append(changes, m.Change)
	}
	assert.ElementsMatch(t, []string{
		"`n < 3 && n != 0` -> `!(n < 3 && n != 0)`", "`<` -> `<=`", "`&&` -> `||`", "`!=` -> `==`",
		"`errors.New(\"few\")` -> `nil`", "`println(n)` -> `_ = 0`", "`n > 9` -> `false && (n > 9)`", "`>` -> `>=`",
	}, changes)
}

// The tests of a little module judge its mutants: the boundary is tested, the call is
// not, and a mutant that does not compile says nothing.
func TestJudge_TellsTheFates(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a module some times")
	}
	dir := t.TempDir()
	write(t, dir, "go.mod", "module veza.fr/p\n\ngo 1.24\n")
	file := write(t, dir, "p.go", program)
	write(t, dir, "p_test.go",
		"package p\n\nimport \"testing\"\n\nfunc TestCheck(t *testing.T) {\n"+
			"\tif check(2) == nil || check(3) != nil {\n\t\tt.Fatal()\n\t}\n}\n")
	t.Chdir(dir)
	fates := map[string]mutate.Fate{}
	mutants, err := mutate.Of(file)
	require.NoError(t, err)
	for _, m := range append(mutants, mutate.None(file)) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		fates[m.Change], err = mutate.Judge(ctx, m, time.Minute, []string{"go", "test", "./..."})
		cancel()
		require.NoError(t, err)
	}
	assert.Equal(t, mutate.Killed, fates["`<` -> `<=`"])
	assert.Equal(t, mutate.Survived, fates["`println(n)` -> `_ = 0`"])
	assert.Equal(t, mutate.Stillborn, fates["`errors.New(\"few\")` -> `nil`"], "the import is not used any more")
	assert.Equal(t, mutate.Survived, fates["nothing"])
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, program, string(content), "the file itself is not touched")
}
