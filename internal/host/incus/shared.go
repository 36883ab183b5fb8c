package incus

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// What the hosts that drill in a project know of each other are keys of profiles that no instance has: one a stanza
// for the newest verdict, and one as long as a drill goes on. The project's own keys would do, but a certificate that
// is good for one project may not change them ("Certificate is restricted", Incus 6.0.4), and may make profiles. The
// ETag of an update keeps no two changes apart there (six at once: three were lost); that a name is free is asked by
// the daemon's database, so a lease is a profile that is there.
const (
	verdictProfile = "veza-drill."
	leaseProfile   = "veza-drill-lease."
	leaseTries     = 3
	shareTime      = time.Minute
)

var _ sandbox.Sharer = Provider{}

// Known is what the project's hosts know of a stanza.
func (p Provider) Known(ctx context.Context, stanza string) (s sandbox.Shared, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, shareTime, errSilent)
	defer cancel()
	d, err := p.connect(ctx)
	if err != nil {
		return s, failed(err)
	}
	profile, _, err := d.at(ctx).GetProfile(verdictProfile + stanza)
	if notFound(err) {
		return s, nil
	}
	if err != nil {
		return s, failed(err)
	}
	if json.Unmarshal([]byte(profile.Config[keyPrefix+"verdict"]), &s) != nil {
		s = sandbox.Shared{} // somebody's hand: it is as good as nothing
	}
	return s, nil
}

// Tell replaces it. Only who has the stanza does.
func (p Provider) Tell(ctx context.Context, stanza string, s sandbox.Shared) error {
	ctx, cancel := context.WithTimeoutCause(ctx, shareTime, errSilent)
	defer cancel()
	d, err := p.connect(ctx)
	if err != nil {
		return failed(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		return failed(err)
	}
	server, name := d.at(ctx), verdictProfile+stanza
	put := api.ProfilePut{
		Description: "the newest verdict on stanza " + stanza,
		Config:      map[string]string{keyPrefix + "verdict": string(text)},
	}
	err = server.UpdateProfile(name, put, "")
	if notFound(err) {
		err = server.CreateProfile(api.ProfilesPost{Name: name, ProfilePut: put})
	}
	return failed(err)
}

// Take takes a stanza for a host, by a profile whose name only one can have.
func (p Provider) Take(ctx context.Context, stanza string, l sandbox.Lease) (func(context.Context) error, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, shareTime, errSilent)
	defer cancel()
	d, err := p.connect(ctx)
	if err != nil {
		return nil, failed(err)
	}
	l.Owner = guest.ThisOwner()
	text, err := json.Marshal(l)
	if err != nil {
		return nil, failed(err)
	}
	name, id := leaseProfile+stanza, rand.Text()
	for range leaseTries {
		err = d.at(ctx).CreateProfile(api.ProfilesPost{Name: name, ProfilePut: api.ProfilePut{
			Description: "host " + l.Host + " drills stanza " + stanza,
			Config:      map[string]string{keyPrefix + "lease": string(text), keyID: id},
		}})
		if err == nil {
			return func(ctx context.Context) error { return d.giveBack(ctx, name, id) }, nil
		}
		if !taken(err) {
			return nil, failed(err)
		}
		if err = d.free(ctx, stanza, l.Host); err != nil {
			return nil, failed(err)
		}
	}
	return nil, reason.Errorf(reason.Locked, "stanza %s: others take it at the same moment", stanza)
}

// free removes a lease that is over; the error is locked while it is not.
func (d *Daemon) free(ctx context.Context, stanza, host string) error {
	var held sandbox.Lease
	profile, _, err := d.at(ctx).GetProfile(leaseProfile + stanza)
	if notFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	_ = json.Unmarshal([]byte(profile.Config[keyPrefix+"lease"]), &held) // what cannot be read is nobody's
	if by := heldBy(held, host, time.Now()); by != "" {
		return reason.Errorf(reason.Locked, "stanza %s: %s", stanza, by)
	}
	return d.giveBack(ctx, leaseProfile+stanza, profile.Config[keyID])
}

// heldBy says who has a lease, "" when it is free for this host: its own is, as soon as its process is dead, and not
// before.
func heldBy(l sandbox.Lease, host string, now time.Time) string {
	owner, known := guest.ParseOwner(l.Owner)
	switch {
	case !known || l.Host != host || !owner.Here():
		return l.Held(host, now)
	case owner.Alive():
		return l.HeldBy(owner.PID)
	}
	return ""
}

// giveBack removes a lease unless it is another one by now.
func (d *Daemon) giveBack(ctx context.Context, name, id string) error {
	profile, _, err := d.at(ctx).GetProfile(name)
	if err == nil && profile.Config[keyID] == id {
		err = d.at(ctx).DeleteProfile(name)
	}
	if notFound(err) {
		err = nil
	}
	return failed(err)
}
