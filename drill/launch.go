package drill

import (
	"context"
	"fmt"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/suite"
)

// keepFor is how long a kept sandbox stays before the next run may reap it.
const keepFor = 72 * time.Hour

// launched is a throw-away machine for what is planned.
type launched struct {
	ready
	box sandbox.Sandbox
	way *wayIn // into it, for -keep
}

// launch makes the throw-away machine, of the right version and size, with a way to the
// repository and no other.
func launch(ctx context.Context, out suite.Out, r ready) (launched, error) {
	way := &wayIn{database: r.Settings.Database}
	spec := r.Spec(ctx, out)
	spec.Major, spec.Need, spec.Say = r.plan.major(), r.plan.need(), out.Say
	box, err := r.Environment.Sandbox(r.Settings).Launch(ctx, spec)
	if box != nil { // a half-made one must go too
		out.Undo(func(ctx context.Context, out suite.Out) error { return leave(ctx, out, box, r.Settings.Keep, way) })
	}
	if err != nil {
		return launched{}, reason.Wrap(reason.SandboxFailed, r.named(err))
	}
	if placed, ok := box.(host.Placed); ok && placed.Member() != "" {
		out.Say("sandbox %s, on %s", box.Name(), placed.Member())
	} else {
		out.Say("sandbox %s", box.Name())
	}
	return launched{r, box, way}, nil
}

// leave destroys the sandbox and proves that nothing of it is left; or, with -keep, marks it
// so that no reaper takes it before its time.
func leave(ctx context.Context, out suite.Out, box sandbox.Sandbox, keep bool, way *wayIn) error {
	if keep {
		until := time.Now().Add(keepFor)
		if err := box.Keep(ctx, until); err != nil {
			return fmt.Errorf("keep the sandbox: %w", err)
		}
		out.Note("the sandbox %s is kept until %s; the next run after that removes it", box.Name(),
			until.UTC().Format(time.RFC3339))
		way.say(ctx, out, box)
		out.Note("%s%s", suite.RemoveIt, sandbox.RemoveCommand(box))
		return nil
	}
	if err := box.Destroy(ctx); err != nil {
		return fmt.Errorf("destroy the sandbox: %w", err)
	}
	if err := box.Gone(ctx); err != nil {
		return fmt.Errorf("the sandbox is still there: %w", err)
	}
	out.Say("nothing of %s is left", box.Name())
	return nil
}
