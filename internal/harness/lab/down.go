package lab

import (
	"context"
	"errors"
	"time"
)

// downTime bounds all of Down.
const downTime = 2 * time.Minute

// Down removes all of the lab, however far its making came, from Incus and from this
// machine. That there is none is fine.
func Down(ctx context.Context, say Say) error {
	ctx, cancel := context.WithTimeout(ctx, downTime)
	defer cancel()
	release, err := acquire(lockFile)
	if err != nil {
		return err
	}
	defer release() //nolint:errcheck // the kernel does it at the latest
	p, err := usual()
	if err != nil {
		return err
	}
	d, err := connect(ctx)
	if err != nil { // this machine's side can go all the same
		return errors.Join(err, removeHere(ctx, p))
	}
	if err := remove(ctx, d, p); err != nil {
		return err
	}
	say("there is no lab any more")
	return nil
}

// remove takes this machine's side away first: a conf that leads nowhere is worse than none.
func remove(ctx context.Context, d *daemon, p places) error {
	return errors.Join(removeHere(ctx, p), d.remove(ctx))
}

func removeHere(ctx context.Context, p places) error {
	_, err := setHosts(hostsFile, nil)
	return errors.Join(err, p.remove(), withoutDocker(ctx))
}
