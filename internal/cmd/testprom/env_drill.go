//go:build drill && !ci

package main

import (
	"cmp"

	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/testprom/runner"
)

// Tag of this build: it knows the containers of Incus.
const tag = "drill"

// providers: Incus is asked where there is one, on this machine or in the place that was named.
func providers(in runner.Place) []sandbox.Provider {
	known := []sandbox.Provider{process.Provider{}}
	containers := incus.Provider{Remote: in.Remote, Project: cmp.Or(in.Project, "default")}
	if containers.Present() {
		known = append(known, containers)
	}
	return known
}
