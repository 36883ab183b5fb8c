package incus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
)

// Bounds on fetching packages.
const (
	aptTime    = 10 * time.Minute
	unplugTime = 30 * time.Second
)

// aptOptions keep apt from asking, and from waiting for ever.
var aptOptions = []string{
	"-q", "-y", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20",
	"-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=60",
}

// Install fetches Debian packages through a network card that is gone when it returns. Where
// from is the image's business: its sources, proxy and keys. No service is started.
// Failures are sandbox_failed with apt's last lines; a card that stays is isolation_breached.
func (s *Sandbox) Install(ctx context.Context, packages []string) (err error) {
	if err = s.Alive(); err != nil {
		return err
	}
	if err = s.Settled(ctx); err != nil {
		return err
	}
	card, err := s.daemon.card(ctx)
	if err != nil {
		return failed(err)
	}
	policy := []byte("#!/bin/sh\nexit 101\n") // invoke-rc.d: forbidden
	if err = s.Put(ctx, "/usr/sbin/policy-rc.d", policy, 0o755, guest.RootUser); err != nil {
		return failed(err)
	}
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), unplugTime)
		defer cancel()
		err2 := s.unplug(late)
		if err2 == nil {
			_, err2 = s.Isolated(late)
		}
		if err2 != nil {
			err = errors.Join(reason.Errorf(reason.IsolationBreached, "network card of %s: %w", s.name, err2), err)
		}
	}()
	if err = s.plug(ctx, card); err != nil {
		return failed(err)
	}
	if err = s.apt(ctx, "update"); err != nil {
		return err
	}
	return s.apt(ctx, "install", slices.Concat([]string{"--no-install-recommends", "--"}, packages)...)
}

// apt runs apt-get as root.
func (s *Sandbox) apt(ctx context.Context, verb string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, aptTime)
	defer cancel()
	argv := slices.Concat([]string{"apt-get"}, aptOptions, []string{verb}, args)
	_, err := s.Run(ctx,
		host.Command{Argv: argv, User: guest.RootUser, Env: []string{"DEBIAN_FRONTEND=noninteractive"}})
	if err != nil {
		return failed(fmt.Errorf("apt-get %s in %s: %w", verb, s.name, err))
	}
	return nil
}
