//go:build drill

package incus_test

import (
	"testing"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/host/incus/incustest"
	"veza.fr/recovery/internal/sandbox"
)

func TestConformance(t *testing.T) {
	hosttest.Run(t, func(t *testing.T) host.Host {
		return incustest.Launch(t, incus.Provider{}, sandbox.Spec{})
	})
}

func TestConformance_HTTPS(t *testing.T) {
	remote := incustest.Remote(t)
	hosttest.Run(t, func(t *testing.T) host.Host {
		return incustest.Launch(t, incus.Provider{Remote: remote}, sandbox.Spec{})
	})
}

func TestProvider(t *testing.T) { incustest.Run(t) }
