package suite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// finding is an error whose reason stands although the run was stopped.
type finding struct{ error }

func (f finding) Unwrap() error { return f.error }

// Finding marks an error whose reason stands even when the run was stopped meanwhile: a
// budget that was spent before the deadline is what was found.
func Finding(err error) error { return finding{err} }

// judge says what an error means for the verdict. When the run was stopped, that is the
// reason, whatever a killed child said.
func judge(ctx context.Context, err error) error {
	if _, stands := errors.AsType[finding](err); stands {
		return err
	}
	if wait.Over(ctx) {
		return fmt.Errorf("%w (%s)", context.Cause(ctx), Line(err.Error()))
	}
	if errors.Is(err, host.ErrNotFound) {
		return reason.Wrap(reason.ToolMissing, err)
	}
	return err
}

// Judge says what the error of a step means for the verdict, as a run of the suite does: what is returned carries a
// reason. Of no error it is nil.
func (s Suite) Judge(ctx context.Context, step string, err error) error {
	if err == nil {
		return nil
	}
	return reason.Wrap(s.fallback(step), judge(ctx, err))
}

// fallback is the reason of a step whose error carries none.
func (s Suite) fallback(test string) reason.Reason {
	for _, step := range s.Steps {
		if test == step.Name || strings.HasSuffix(test, "/"+step.Name) {
			return step.Default
		}
	}
	return reason.SandboxFailed
}
