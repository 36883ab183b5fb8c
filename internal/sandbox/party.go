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

// EndRed says of when the newest verdict is, where it is another host's and says that the end of the archive is red;
// zero where it does not. This host's own files say what it found itself.
func (p Party) EndRed(ctx context.Context, stanza string) (at time.Time, err error) {
	known, err := p.Known(ctx, stanza)
	if err != nil || !known.EndRed || known.Host == p.Host {
		return time.Time{}, err
	}
	return known.At, nil
}

// Begin takes a stanza for this host; the error is locked while another host has it. end tells the others the exit
// status, unless that is no verdict, and whether the end of the archive is red, and gives the stanza back.
func (p Party) Begin(ctx context.Context, stanza string, until time.Time) (
	end func(ctx context.Context, exit int, endRed bool) error, err error,
) {
	release, err := p.Take(ctx, stanza, Lease{Host: p.Host, Until: until})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, exit int, endRed bool) (err error) {
		if exit == 0 || exit == 1 {
			err = p.Tell(ctx, stanza, Shared{Host: p.Host, At: p.Now().UTC(), Exit: exit, EndRed: endRed})
		}
		return errors.Join(err, release(ctx))
	}, nil
}
