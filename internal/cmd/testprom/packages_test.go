package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// heavy is what a build without tags never compiles, and who needs it.
var heavy = []string{
	"github.com/testcontainers/", "github.com/moby/", // Docker
	"github.com/lxc/incus/",
	"github.com/minio/madmin-go/", // users of a MinIO
	"github.com/prometheus/prometheus/",
}

// A new user waits for every package that is compiled. A ceiling is raised on purpose, with
// what it costs in decision 27.
func TestPackages(t *testing.T) {
	for _, c := range []struct {
		what    []string
		ceiling int
	}{
		{[]string{"veza.fr/recovery/internal/cmd/testprom"}, 280},
		{[]string{"-test", "veza.fr/recovery/drill"}, 330},
		{[]string{"-test", "veza.fr/recovery/backup"}, 340},
	} {
		list := packages(t, "", c.what...)
		assert.LessOrEqual(t, len(list), c.ceiling, "packages of %v; `go list -deps` names them", c.what)
		for _, pkg := range heavy {
			assert.False(t, holds(list, pkg), "%v without tags compiles %s", c.what, pkg)
		}
	}
}

// Each tag brings its own provider, and no other.
func TestPackages_OfEachTag(t *testing.T) {
	for tag, engine := range map[string]string{"": "process", "ci": "docker", "drill": "incus"} {
		list := packages(t, tag, "veza.fr/recovery/internal/cmd/testprom")
		for _, other := range []string{"docker", "incus"} {
			has := holds(list, "veza.fr/recovery/internal/host/"+other)
			assert.Equal(t, other == engine, has, "%s, tag %q", other, tag)
		}
		assert.True(t, holds(list, "veza.fr/recovery/internal/host/process"), tag)
	}
}

// packages is what go compiles of what is named, the standard library counted.
func packages(t *testing.T, tag string, what ...string) []string {
	t.Helper()
	argv := append([]string{"list", "-tags", tag, "-deps"}, what...)
	out, err := exec.CommandContext(t.Context(), "go", argv...).Output()
	require.NoError(t, err, "%s", out)
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func holds(list []string, prefix string) bool {
	return slices.ContainsFunc(list, func(pkg string) bool { return strings.HasPrefix(pkg, prefix) })
}
