package incustest

import (
	"cmp"
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/host/incus"
)

// projectVariable tells the incus command, and here, which project the tests are in.
const projectVariable = "INCUS_PROJECT"

// What a machine that runs these tests has: a pool and a bridge.
const (
	pool   = "default"
	bridge = "incusbr0"
)

// ownProject makes a project for the test, whose instances have a disk and a card by default.
func ownProject(t *testing.T) {
	t.Helper()
	name := "veza-test-" + strings.ToLower(rand.Text()[:8])
	command(t, "incus", "project", "create", "local:"+name, "-c", "features.images=false")
	t.Cleanup(func() {
		ctx, cancel := background(t)
		defer cancel()
		assert.NoError(t, run(ctx, "incus", "project", "delete", "local:"+name))
	})
	t.Setenv(projectVariable, name)
	command(t, "incus", "profile", "device", "add", "local:default", "root", "disk", "path=/", "pool="+pool)
	command(t, "incus", "profile", "device", "add", "local:default", "eth0", "nic", "network="+bridge)
}

// here is a provider in the project of the tests, unless it names another.
func here(p incus.Provider) incus.Provider {
	p.Project = cmp.Or(p.Project, os.Getenv(projectVariable))
	return p
}
