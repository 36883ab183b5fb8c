//go:build drill && !ci

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/testprom/runner"
)

// Incus is asked in the place that was named, whatever the environment of testprom says.
func TestProviders(t *testing.T) {
	t.Setenv("DRILL_INCUS_PROJECT", "another")
	for named, want := range map[string]string{"": "default", "drills": "drills"} {
		known := providers(runner.Place{Remote: "far", Project: named})
		assert.Contains(t, known, incus.Provider{Remote: "far", Project: want})
	}
}
