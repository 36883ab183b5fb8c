//go:build ci && !drill

package drill

import (
	"context"

	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/host/docker"
	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
)

// bind: containers of a Docker engine, and MinIO in one of them.
func bind() environment.Environment {
	site := &docker.Site{}
	containers := func(on *docker.Site) func(settings.Settings) sandbox.Provider {
		return func(s settings.Settings) sandbox.Provider {
			return docker.Provider{Site: on, Image: s.Image, Memory: s.Memory, CPUs: s.CPUs}
		}
	}
	return environment.Environment{
		Name: "docker", Control: containers(site), Sandbox: containers(site), Apart: containers(nil), Stanza: "demo",
		Seed: environment.Seeded(
			func(
				ctx context.Context, s settings.Settings, spec sandbox.Spec,
			) (sandbox.Sandbox, *objectstore.Store, error) {
				return site.Open(ctx, spec, s.Image)
			},
		),
	}
}
