//go:build drill && !ci

package drill

import (
	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
)

// bind: the production stanza of this host, restored into an Incus container.
func bind() environment.Environment {
	once := &incus.Connection{}
	return environment.Environment{
		Name: "incus", Here: true, Conf: pgbackrest.DefaultConfig,
		Control: func(settings.Settings) sandbox.Provider { return process.Provider{} },
		Sandbox: func(s settings.Settings) sandbox.Provider {
			return incus.Provider{
				Remote: s.Remote, Project: s.Project, Target: s.Member, Image: s.Image, Memory: s.Memory, CPUs: s.CPUs,
				Disk: s.Disk, Install: s.Install, Connection: once,
			}
		},
	}
}
