package main

import (
	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
)

// here is this machine: its own programs, and the repository that its pgBackRest reads.
func here() environment.Environment {
	processes := func(settings.Settings) sandbox.Provider { return process.Provider{} }
	return environment.Environment{
		Name: "process", Control: processes, Sandbox: processes, Local: true, Here: true,
		Conf: pgbackrest.DefaultConfig,
	}
}
