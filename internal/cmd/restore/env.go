package main

import (
	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
)

// here is this machine: its own programs, the repository that its pgBackRest reads, and that data directory.
func here(data string) environment.Environment {
	return environment.Environment{
		Name: process.Node{}.Environment(), Local: true, Here: true, Conf: pgbackrest.DefaultConfig,
		Control: func(settings.Settings) sandbox.Provider { return process.Provider{} },
		Sandbox: func(settings.Settings) sandbox.Provider { return process.Node{Data: data} },
	}
}
