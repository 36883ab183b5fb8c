// Package environment is what a build tag chooses for a suite: where backups come
// from, and what they are restored into. Each suite's env_<tag>_test.go binds one.
package environment

import (
	"context"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/source"
)

// Environment is one of the three.
type Environment struct {
	// Name is the value of the info metric's label: process, docker or incus.
	Name string
	// Control makes the scratch machine that asks the repository before there is a sandbox.
	Control func(settings.Settings) sandbox.Provider
	// Sandbox makes the throw-away machine, as the settings want it.
	Sandbox func(settings.Settings) sandbox.Provider
	// Apart makes the control machine and the sandbox where neither may see the network of a seeded source, and
	// each reaches the stores it is launched for from where this process stands; nil where the two above do that.
	Apart func(settings.Settings) sandbox.Provider
	// Local says that both are directories of this machine: its tools are theirs, and so
	// are its files. A missing tool is then seen before anything is launched.
	Local bool
	// Here says that the control machine at least is a directory of this machine.
	Here bool
	// Seed makes the machines of a source for this run alone; nil where -conf has a default.
	Seed func(context.Context, settings.Settings, sandbox.Spec) (*source.Seeded, error)
	// Stanza is the seeded source's name for itself.
	Stanza string
	// Conf is the default of -conf.
	Conf string
}

// Ground makes what a seeded cluster stands on: a machine, and an object store that it
// and every sandbox reach. Half-made ones are returned with the error.
type Ground func(context.Context, settings.Settings, sandbox.Spec) (sandbox.Sandbox, *objectstore.Store, error)

// Seeded is an Environment's Seed on a ground.
func Seeded(ground Ground) func(context.Context, settings.Settings, sandbox.Spec) (*source.Seeded, error) {
	return func(ctx context.Context, s settings.Settings, spec sandbox.Spec) (*source.Seeded, error) {
		machine, store, err := ground(ctx, s, spec)
		return &source.Seeded{Machine: machine, Store: store, Stanza: spec.Stanza, Rows: int(s.Rows)}, err
	}
}

// ThroughHere is the environment with machines that reach stores as this process does.
func (e Environment) ThroughHere() Environment {
	if e.Apart != nil {
		e.Control, e.Sandbox = e.Apart, e.Apart
	}
	return e
}

// Providers are those that may have left something behind, each once.
func (e Environment) Providers(s settings.Settings) []sandbox.Provider {
	if e.Local {
		return []sandbox.Provider{e.Control(s)}
	}
	control, box := e.Control(s), e.Sandbox(s)
	if control.Environment() == box.Environment() {
		return []sandbox.Provider{box}
	}
	return []sandbox.Provider{control, box}
}

// Embedded is the ground of a machine that sees this one's network: an object store in this process.
func Embedded(provider sandbox.Provider) Ground {
	return func(
		ctx context.Context, _ settings.Settings, spec sandbox.Spec,
	) (sandbox.Sandbox, *objectstore.Store, error) {
		machine, err := provider.Launch(ctx, spec)
		if err != nil {
			return machine, nil, err
		}
		store, err := objectstore.Embedded(context.WithoutCancel(ctx))
		return machine, store, err
	}
}
