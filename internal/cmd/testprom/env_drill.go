//go:build drill && !ci

package main

import (
	"cmp"
	"os"

	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/sandbox"
)

// Tag of this build: it knows the containers of Incus.
const tag = "drill"

// providers: Incus is asked where there is one, on this machine or where the variables say.
func providers() []sandbox.Provider {
	known := []sandbox.Provider{process.Provider{}}
	containers := incus.Provider{
		Remote: os.Getenv("DRILL_INCUS_REMOTE"), Project: cmp.Or(os.Getenv("DRILL_INCUS_PROJECT"), "default"),
	}
	if containers.Present() {
		known = append(known, containers)
	}
	return known
}
