package sandbox

import (
	"context"
	"fmt"
	"time"
)

// Sharer is a provider that several hosts use, and that remembers for them what each found.
type Sharer interface {
	// Known is what is known of a stanza; nothing is as good as an empty one.
	Known(ctx context.Context, stanza string) (Shared, error)
	// Tell replaces it.
	Tell(ctx context.Context, stanza string, s Shared) error
	// Take takes a stanza for a host: the error is locked, and names the holder, while another host, or a living run of
	// this one, has it. One whose host died ends by itself. Release gives it back.
	Take(ctx context.Context, stanza string, l Lease) (release func(context.Context) error, err error)
}

// Shared is what the hosts of one place know of the drills of a stanza.
type Shared struct {
	Host string    `json:"host,omitempty"` // that reached the newest verdict
	At   time.Time `json:"at,omitzero"`    // of that verdict
	Exit int       `json:"exit"`           // status, 0 or 1
	// EndRed says that the end of the archive was red when a host went there last: EndHost, at EndAt. Of the releases
	// before, one says none of it, and one does not say who and when.
	EndRed  bool      `json:"end_red,omitempty"`
	EndAt   time.Time `json:"end_at,omitzero"`
	EndHost string    `json:"end_host,omitempty"`
}

// end says when another host went to the end of the archive last, and whether that was red; zero where none is known.
// A host's own files say what it found itself. A green end of a time to come is believed by nobody.
func (s Shared) end(host string, now time.Time) (at time.Time, red bool) {
	if s.EndAt.IsZero() && s.EndRed {
		s.EndAt, s.EndHost = s.At, s.Host
	}
	if s.EndHost == host || !s.EndRed && s.EndAt.After(now.Add(skew)) {
		return time.Time{}, false
	}
	return s.EndAt, s.EndRed
}

// after is what the hosts know of the end once a host has reached a verdict: went says that it came to the end itself,
// red what it knows of it. Who did not go there makes no news of what another one found.
func (s Shared) after(before Shared, went, red bool) Shared {
	s.EndRed, s.EndAt, s.EndHost = before.EndRed, before.EndAt, before.EndHost
	if s.EndRed && s.EndAt.IsZero() {
		s.EndAt, s.EndHost = before.At, before.Host
	}
	if went || red && !s.EndRed {
		s.EndAt, s.EndHost = s.At, s.Host
	}
	s.EndRed = red
	return s
}

// Lease says that a host drills a stanza at this moment. One whose host died ends by itself.
type Lease struct {
	Host  string    `json:"host"`
	Until time.Time `json:"until"`
	// Owner is the process on that host, in words of the Sharer's, which fills it. A release before names none.
	Owner string `json:"owner,omitempty"`
}

// skew is how far apart the clocks of two hosts may be. A verdict of a later time than that is believed by nobody.
const skew = 5 * time.Minute

// Held says who has it, "" when it is free for a host. The host's own without an owner is taken for that of a run that
// was killed; one with an owner may be of another machine with the host's name.
func (l Lease) Held(host string, now time.Time) string {
	if l.Host == "" || l.Host == host && l.Owner == "" || now.After(l.Until) {
		return ""
	}
	return "host " + l.drills()
}

// HeldBy is Held where the owner is known to be a process of the host that lives.
func (l Lease) HeldBy(pid int) string { return fmt.Sprintf("process %d of host %s", pid, l.drills()) }

func (l Lease) drills() string {
	return fmt.Sprintf("%s drills it, until %s at the latest", l.Host, l.Until.UTC().Format(time.RFC3339))
}

// Young says which other host reached a verdict less than age ago, "" when none did. The host's own verdicts are its
// own timer's business.
func (s Shared) Young(host string, now time.Time, age time.Duration) string {
	old := now.Sub(s.At)
	if s.Host == "" || s.Host == host || old >= age || old < -skew {
		return ""
	}
	return fmt.Sprintf("host %s drilled it %v ago, with exit status %d", s.Host, max(0, old).Round(time.Minute), s.Exit)
}
