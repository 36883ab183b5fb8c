package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever restores in a disaster may build it there: nothing it does not need is compiled, and nothing
// of the testing package is in it.
func TestPackages(t *testing.T) {
	const ceiling = 335
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	list := strings.Fields(string(out))
	assert.LessOrEqual(t, len(list), ceiling)
	for _, pkg := range list {
		assert.NotEqual(t, "testing", pkg)
		assert.NotRegexp(t, `^github\.com/(prometheus|testcontainers|lxc)/`, pkg)
	}
}
