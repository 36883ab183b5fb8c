package incus

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/wait"
)

// A project may have limits. One that is reached is waited for: it is the drill of another stanza, as a rule.
const (
	roomTime  = 10 * time.Minute
	roomEvery = 2 * time.Second
)

// limitWords are the daemon's for a limit of the project that an instance would go beyond (internal/server/project,
// limits.go): of the number of instances, or of what all of them may have.
const limitWords = "Reached maximum"

// inRoom makes an instance as soon as the project's limits let it. What goes beyond them on its own, or beside another
// instance of the same run, is never waited for.
func (d *Daemon) inRoom(ctx context.Context, spec sandbox.Spec, create func() (*Host, error)) (*Host, error) {
	h, err := create()
	if h != nil || err == nil || !strings.Contains(err.Error(), limitWords) {
		return h, err
	}
	var there []api.Instance
	if failure := d.get(ctx, "/1.0/instances?recursion=1", &there); failure != nil {
		return nil, failure
	}
	if slices.ContainsFunc(there, func(i api.Instance) bool { t, ok := readTag(i); return ok && t.Run == spec.Run }) {
		return nil, reason.Errorf(reason.SandboxFailed, "project %s: %w, and the run has a sandbox there already: "+
			"raise the limit for a second one: %w", d.project, sandbox.ErrLimit, err)
	}
	if len(there) == 0 {
		return nil, reason.Errorf(reason.SandboxFailed, "the sandbox alone is more than the limits of project %s "+
			"allow: give it less with -memory, -cpus or -disk, or raise the limit: %w", d.project, err)
	}
	if spec.Say != nil {
		spec.Say("waiting for room in project %s, for up to %v: %v", d.project, roomTime, err)
	}
	bounded, cancel := context.WithTimeoutCause(ctx, roomTime, fmt.Errorf("not within %v", roomTime))
	defer cancel()
	what := fmt.Sprintf("room in project %s, which holds %d instances", d.project, len(there))
	err = wait.For(bounded, what, roomEvery, func(context.Context) error {
		var failure error
		if h, failure = create(); failure != nil && (h != nil || !strings.Contains(failure.Error(), limitWords)) {
			return wait.Stop(failure)
		}
		return failure
	})
	return h, err
}
