package sandbox

import (
	"context"
	"errors"
	"time"
)

// Party is one of the hosts that drill in one place.
type Party struct {
	Sharer
	Host string
	Now  func() time.Time
}

// Due says why a stanza is not to be drilled here now: another host reached a verdict less than age ago, at a time,
// with an exit status. "" is due.
func (p Party) Due(ctx context.Context, stanza string, age time.Duration) (
	why string, at time.Time, exit int, err error,
) {
	known, err := p.Known(ctx, stanza)
	if err != nil {
		return "", at, 0, err
	}
	return known.Young(p.Host, p.Now(), age), known.At, known.Exit, nil
}

// End says when another host went to the end of the archive last, and whether that was red; zero where none did.
func (p Party) End(ctx context.Context, stanza string) (at time.Time, red bool, err error) {
	known, err := p.Known(ctx, stanza)
	if err != nil {
		return time.Time{}, false, err
	}
	at, red = known.end(p.Host, p.Now())
	return at, red, nil
}

// Begin takes a stanza for this host; the error is locked while another host has it. end tells the others the exit
// status, unless that is no verdict, whether the run went to the end of the archive, and whether that is red, and gives
// the stanza back.
func (p Party) Begin(ctx context.Context, stanza string, until time.Time) (
	end func(ctx context.Context, exit int, went, red bool) error, err error,
) {
	release, err := p.Take(ctx, stanza, Lease{Host: p.Host, Until: until})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, exit int, went, red bool) (err error) {
		if exit == 0 || exit == 1 {
			before, unknown := p.Known(ctx, stanza)
			told := Shared{Host: p.Host, At: p.Now().UTC(), Exit: exit}.after(before, went, red)
			err = errors.Join(unknown, p.Tell(ctx, stanza, told))
		}
		return errors.Join(err, release(ctx))
	}, nil
}
