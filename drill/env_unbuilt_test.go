//go:build ci && !drill

package drill

import (
	"context"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
)

// bind: the containers of this tag come in a later version; a run says so and fails.
func bind() environment {
	return environment{name: "none", control: unbuilt{}, sandbox: func(settings.Settings) sandbox.Provider { return unbuilt{} }, stanza: "none"}
}

type unbuilt struct{}

func (unbuilt) Environment() string { return "none" }

func (unbuilt) Reap(context.Context, string) ([]string, error) {
	return nil, reason.Errorf(reason.SandboxFailed, "this version has no containers for tag ci: run it without -tags, or with -tags drill")
}

func (u unbuilt) Launch(ctx context.Context, _ sandbox.Spec) (sandbox.Sandbox, error) {
	_, err := u.Reap(ctx, "")
	return nil, err
}
