//go:build drill && !ci

package backup

import (
	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
)

// bind: the production stanza of this host. Nothing is restored, so no Incus is needed.
func bind() environment.Environment {
	here := func(settings.Settings) sandbox.Provider { return process.Provider{} }
	return environment.Environment{
		Name: "incus", Control: here, Sandbox: here, Local: true, Here: true, Conf: pgbackrest.DefaultConfig,
	}
}
