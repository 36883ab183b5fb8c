//go:build ci && !drill

package main

import (
	"veza.fr/recovery/internal/host/docker"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/testprom/runner"
)

// Tag of this build: it knows the containers of a Docker engine.
const tag = "ci"

// providers: the engine is asked where there is one.
func providers(runner.Place) []sandbox.Provider {
	known := []sandbox.Provider{process.Provider{}}
	if engine := (docker.Provider{}); engine.Present() {
		known = append(known, engine)
	}
	return known
}
