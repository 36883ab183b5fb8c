//go:build !ci && !drill

package main

import (
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/testprom/runner"
)

// Tag of this build: it knows the processes of this machine alone.
const tag = ""

func providers(runner.Place) []sandbox.Provider { return []sandbox.Provider{process.Provider{}} }
