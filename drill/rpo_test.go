package drill

import (
	"context"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/verify"
)

// rpo is how much would have been lost, and how that is known.
type rpo struct {
	age   time.Duration
	basis string
	why   string // what else to say of a basis that is too old
}

// measureRPO measures by the beats that came back; unread is why they could not be read.
func (d *drill) measureRPO(ctx context.Context, beats *verify.Heartbeat, unread error) (rpo, error) {
	if unread != nil {
		return rpo{}, d.brokenSession(ctx, unread)
	}
	d.sayBeats(ctx, beats)
	if d.settings.Target.Kind != target.End {
		return rpo{}, nil // what lies behind a target is left out on purpose
	}
	newest := verify.NewestMoment(beats, d.commit, d.set.Stopped())
	age, err := verify.RPO(d.foundEnd(), newest)
	if err != nil {
		return rpo{}, err
	}
	d.metric("rpo_seconds", age.Seconds(), "basis", newest.Basis)
	d.say("newest moment that came back (%s): %s, %s before recovery found the end of the archive",
		newest.Basis, newest.At.UTC().Format(time.RFC3339Nano), age.Round(time.Millisecond))
	if text := newest.Derived(); text != "" {
		d.note("%s", text)
	}
	lost := rpo{age: age, basis: newest.Basis}
	if beats != nil {
		if text := beats.Stopped(d.commit); text != "" {
			lost.why = "; " + text
		}
	}
	return lost, nil
}

// heartbeat finds the beats: in -database, else in the first other one that has some. What
// looks like a heartbeat and is none is said, wherever it is.
func (d *drill) heartbeat(ctx context.Context) (*verify.Heartbeat, error) {
	names, err := verify.Databases(ctx, d.server.Connect)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == d.settings.Database })
	for _, name := range append([]string{d.settings.Database}, names...) {
		conn, err := d.server.Connect(ctx, name)
		if err != nil { // the checks say what is wrong with a database
			continue
		}
		beats, why, err := verify.ReadHeartbeat(ctx, conn, d.size)
		_ = conn.Close(ctx) // nothing was written
		if err != nil {
			return nil, err
		}
		if why != "" {
			d.note("database %s: %s", name, why)
		}
		if beats != nil {
			return beats, nil
		}
	}
	return nil, nil
}

// sayBeats tells of gaps, and of a budget that cannot be kept. Neither is a failure: a row
// somebody deleted, or a writer that was down, is no fault of the backups, and what is
// lost at the end of the sequence is what the RPO judges.
func (d *drill) sayBeats(ctx context.Context, beats *verify.Heartbeat) {
	if beats == nil {
		return
	}
	if beats.Database != d.settings.Database {
		d.note("the heartbeat is in database %s", beats.Database)
	}
	d.metric("heartbeat_missing", float64(beats.Missing))
	if len(beats.Gaps) > 0 {
		var list []string
		for _, gap := range beats.Gaps {
			list = append(list, gap.String())
		}
		d.note("heartbeat %d to %d, one every %s: %d numbers are missing and %d pauses were long; %s", beats.First, beats.Last,
			beats.Interval.Round(10*time.Millisecond), beats.Missing, beats.Pauses, strings.Join(list, "; "))
	}
	if d.settings.Target.Kind != target.End {
		return
	}
	if timeout, err := d.server.ArchiveTimeout(ctx); err != nil {
		d.note("archive_timeout of the primary is not known: %s", pgbackrest.Printable(err.Error()))
	} else if text := beats.ByDesign(d.chain, timeout, d.settings.RPO); text != "" {
		d.note("%s", text)
	}
}
