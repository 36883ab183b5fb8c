package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"veza.fr/recovery/internal/host/docker"
	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/testprom/runner"
)

// reapTimeout bounds the removal of everything killed drills left behind.
const reapTimeout = 2 * time.Minute

// providers are those that may have left something: this machine, and Incus and Docker where
// there is one here, or where the variables say.
func providers() []sandbox.Provider {
	all := []sandbox.Provider{process.Provider{}}
	containers := incus.Provider{
		Remote: os.Getenv("DRILL_INCUS_REMOTE"), Project: cmp.Or(os.Getenv("DRILL_INCUS_PROJECT"), "default"),
	}
	if containers.Present() {
		all = append(all, containers)
	}
	if engine := (docker.Provider{}); engine.Present() {
		all = append(all, engine)
	}
	return all
}

// keeper lists or removes what -keep left.
var keeper runner.Keeper = func(ctx context.Context, out io.Writer, remove bool, names []string) error {
	ctx, cancel := context.WithTimeout(ctx, reapTimeout)
	defer cancel()
	return sandbox.TellKept(ctx, out, providers(), remove, names)
}

// reaper removes what killed drills left behind, of every stanza that is not being
// drilled right now. Kept sandboxes stay until their time is over.
var reaper runner.Reaper = func(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, reapTimeout)
	defer cancel()
	var all error
	lines := 0
	for _, provider := range providers() {
		removed, err := provider.Reap(ctx, "")
		for _, line := range removed {
			_, _ = fmt.Fprintln(out, line)
		}
		lines += len(removed)
		all = errors.Join(all, err)
	}
	if all == nil && lines == 0 {
		_, _ = fmt.Fprintln(out, "nothing was left behind")
	}
	return all
}
