//go:build ci

package docker_test

import (
	"testing"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/docker"
	"veza.fr/recovery/internal/host/docker/dockertest"
	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/sandbox"
)

func TestConformance(t *testing.T) {
	hosttest.Run(t, func(t *testing.T) host.Host {
		return dockertest.Launch(t, docker.Provider{}, sandbox.Spec{})
	})
}

func TestProvider(t *testing.T) { dockertest.Run(t) }
