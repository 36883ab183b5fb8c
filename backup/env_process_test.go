//go:build !ci && !drill

package backup

import (
	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
)

// bind: everything is processes of this machine.
func bind() environment.Environment {
	here := func(settings.Settings) sandbox.Provider { return process.Provider{} }
	return environment.Environment{
		Name: "process", Control: here, Sandbox: here, Local: true, Here: true,
		Stanza: "demo", Seed: environment.Seeded(environment.Embedded(process.Provider{})),
	}
}
