package incus

import (
	"strconv"
	"time"

	"github.com/lxc/incus/v6/shared/api"
)

// Configuration keys that make an instance one of ours. Nothing secret is ever in them:
// whoever may list instances reads them.
const (
	keyPrefix  = "user.veza-drill."
	keyID      = keyPrefix + "id" // tells an instance from another of its name
	keyRun     = keyPrefix + "run"
	keyStanza  = keyPrefix + "stanza"
	keyOwner   = keyPrefix + "owner"   // machine, boot, pid and its start
	keyCreated = keyPrefix + "created" // RFC 3339
	keyExpires = keyPrefix + "expires" // seconds since 1970: nobody's after that
	keyKept    = keyPrefix + "kept"    // "true": no reaper touches it before it expires
	keySockets = keyPrefix + "sockets" // directory on the owner's machine
)

// tag is what the keys say.
type tag struct {
	run, stanza, created string
	owner                owner
	known                bool // whether owner could be read
	expires              time.Time
	kept                 bool
}

// readTag reads the keys of an instance; false when it is none of ours.
func readTag(i api.Instance) (tag, bool) {
	t := tag{run: i.Config[keyRun], stanza: i.Config[keyStanza], created: i.Config[keyCreated], kept: i.Config[keyKept] == "true"}
	if t.run == "" || t.stanza == "" || i.Config[keyOwner] == "" {
		return tag{}, false
	}
	t.owner, t.known = parseOwner(i.Config[keyOwner])
	if seconds, err := strconv.ParseInt(i.Config[keyExpires], 10, 64); err == nil {
		t.expires = time.Unix(seconds, 0)
	}
	return t, true
}

// expired says whether the time of the instance is over; one without a time never expires.
func (t tag) expired(now time.Time) bool { return !t.expires.IsZero() && now.After(t.expires) }

// here and alive are about the process that made the instance.
func (t tag) here() bool  { return t.known && t.owner.here() }
func (t tag) alive() bool { return t.here() && t.owner.alive() }

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
