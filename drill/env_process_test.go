//go:build !ci && !drill

package drill

import (
	"context"

	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/source"
)

// bind: everything is processes of this machine.
func bind() environment {
	here := process.Provider{}
	return environment{
		name: here.Environment(), control: here, sandbox: func(settings.Settings) sandbox.Provider { return here },
		local: true, stanza: "demo", seed: seed,
	}
}

func seed(ctx context.Context, s settings.Settings, spec sandbox.Spec) (source.Source, error) {
	machine, err := (process.Provider{}).Launch(ctx, spec)
	seeded := &source.Seeded{Machine: machine, Stanza: spec.Stanza, Rows: int(s.Rows)}
	if err == nil {
		seeded.Store, err = objectstore.Embedded(context.WithoutCancel(ctx))
	}
	return seeded, err
}
