package guest

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"veza.fr/recovery/internal/sandbox"
)

// usualLife is how long a sandbox is wanted whose run has no deadline.
const usualLife = 24 * time.Hour

// Keys that make a thing one of ours, behind a provider's own prefix. Nothing secret is
// ever in them: whoever may list things reads them.
const (
	KeyRun     = "run"
	KeyStanza  = "stanza"
	KeyOwner   = "owner"   // machine, boot, pid and its start
	KeyCreated = "created" // RFC 3339
	KeyExpires = "expires" // seconds since 1970: nobody's after that
	KeyKept    = "kept"    // "true": no reaper touches it before it expires
)

// Tag is what the keys of a thing say.
type Tag struct {
	Run, Stanza, Created string
	Owner                Owner
	known                bool // whether the owner could be read
	expires              time.Time
	kept                 bool
}

// Tags are the keys and values that say whose a sandbox is.
func Tags(prefix string, spec sandbox.Spec, now time.Time) map[string]string {
	until := spec.Until
	if until.IsZero() {
		until = now.Add(usualLife)
	}
	return map[string]string{
		prefix + KeyRun: spec.Run, prefix + KeyStanza: spec.Stanza, prefix + KeyOwner: ThisOwner(),
		prefix + KeyCreated: now.UTC().Format(time.RFC3339), prefix + KeyExpires: Unix(until),
	}
}

// ReadTag reads them back; false when the thing is none of ours.
func ReadTag(prefix string, from map[string]string) (Tag, bool) {
	t := Tag{
		Run:     from[prefix+KeyRun],
		Stanza:  from[prefix+KeyStanza],
		Created: from[prefix+KeyCreated],
		kept:    from[prefix+KeyKept] == "true",
	}
	if t.Run == "" || t.Stanza == "" || from[prefix+KeyOwner] == "" {
		return Tag{}, false
	}
	t.Owner, t.known = ParseOwner(from[prefix+KeyOwner])
	if seconds, err := strconv.ParseInt(from[prefix+KeyExpires], 10, 64); err == nil {
		t.expires = time.Unix(seconds, 0)
	}
	return t, true
}

// expired says whether the time of the thing is over; one without a time never expires.
func (t Tag) expired(now time.Time) bool { return !t.expires.IsZero() && now.After(t.expires) }

// Here says whether the process that made it was one of this machine.
func (t Tag) Here() bool { return t.known && t.Owner.Here() }

func (t Tag) alive() bool { return t.Here() && t.Owner.Alive() }

// Unix is a moment as the keys hold it.
func Unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// Kept says whether -keep left the thing and its time is not over, and until when that is; an
// error says why it is not to be removed from here: its run is still alive, or nobody here knows.
func (t Tag) Kept(now time.Time) (until time.Time, kept bool, wanted error) {
	switch {
	case !t.Here():
		wanted = errors.New("another machine made it: remove it there")
	case t.alive():
		wanted = fmt.Errorf("its run, process %d, is alive", t.Owner.PID)
	}
	return t.expires, t.kept && !t.expired(now), wanted
}

// Verdict says whether a thing is a leftover, and why, or why not when that is worth a line.
func (t Tag) Verdict(now time.Time) (remove bool, why string) {
	switch {
	case t.kept && !t.expired(now):
		return false, ""
	case t.Here() && t.Owner.Self():
		return false, ""
	case t.alive():
		return false, fmt.Sprintf("its run, process %d, is alive", t.Owner.PID)
	case t.kept:
		return true, "its time is over"
	case t.Here():
		return true, "its process is dead"
	case t.expired(now):
		return true, "another machine's, and its time is over"
	default:
		return false, ""
	}
}
