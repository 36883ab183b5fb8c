package drill

import (
	"context"
	"time"

	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/source"
)

// environment is what a build tag chooses: where backups come from and what they are
// restored into. Each env_<tag>_test.go binds one.
type environment struct {
	// name is the value of the info metric's label: process, docker or incus.
	name string
	// control makes the scratch machine that asks the repository before there is a
	// sandbox; always processes on this machine.
	control sandbox.Provider
	// sandbox makes the throw-away machine, as the settings want it.
	sandbox func(settings.Settings) sandbox.Provider
	// local says that a sandbox has the tools of this machine, so that a missing one is seen in preflight.
	local bool
	// seed makes the machines of a source for this run alone; nil where -conf has a default.
	seed func(context.Context, settings.Settings, sandbox.Spec) (source.Source, error)
	// stanza is the seeded source's name for itself.
	stanza string
	// conf is the default of -conf.
	conf string
}

// providers are those that may have left something behind, each once.
func (d *drill) providers() []sandbox.Provider {
	if d.env.local {
		return []sandbox.Provider{d.env.control}
	}
	return []sandbox.Provider{d.env.control, d.provider}
}

// Bounds of things that take no time when all is well.
const (
	cleanupGrace = 45 * time.Second // kept free at the end of the test's deadline
	stepGrace    = 30 * time.Second // one clean-up
	toolTimeout  = 30 * time.Second // one small command
	keepFor      = 72 * time.Hour   // a kept sandbox, before the next run may reap it
	progress     = 2 * time.Second  // between two looks at a long restore or replay
)

// cleanup is a context for clean-up: that of the run may be over already.
func cleanup() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), stepGrace)
}
