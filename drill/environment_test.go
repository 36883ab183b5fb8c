package drill

import (
	"time"

	"veza.fr/recovery/internal/sandbox"
)

// providers are those that may have left something behind, each once.
func (d *drill) providers() []sandbox.Provider { return d.env.Providers(d.settings) }

// Bounds of things that take no time when all is well.
const (
	toolTimeout = 30 * time.Second // one small command
	keepFor     = 72 * time.Hour   // a kept sandbox, before the next run may reap it
	progress    = 2 * time.Second  // between two looks at a long restore or replay
)
