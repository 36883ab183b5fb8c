package docker

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/host"
)

// What to type depends on which image is missing, and on who chose the one that is there.
func TestOtherImage(t *testing.T) {
	for name, want := range map[string]string{
		"veza-drill/postgres:17":     "PG_MAJOR=17 make images",
		"veza-drill/postgres:latest": "make images",
		"veza-drill/minio:latest":    "make images",
	} {
		assert.Equal(t, want, howToBuild(name), name)
	}
	ours := &Sandbox{image: "veza-drill/postgres:latest"}
	assert.Equal(t, "image veza-drill/postgres:latest", host.Place(ours))
	assert.Equal(t, "`PG_MAJOR=17 make images` builds one that has it", host.Remedy(ours, "17", "postgresql-17"))
	named := &Sandbox{image: "veza-drill/postgres:15", chosen: true}
	assert.Contains(t, host.Remedy(named, "17", "postgresql-17"), "leave out -image (DRILL_IMAGE)")
	assert.Contains(t, host.Remedy(named, "17", "postgresql-17"), "PG_MAJOR=17 make images")
}
