package incus

import (
	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/host/guest"
)

// Configuration keys that make an instance one of ours, besides those of every tag.
const (
	keyPrefix  = "user.veza-drill."
	keyID      = keyPrefix + "id"      // tells an instance from another of its name
	keySockets = keyPrefix + "sockets" // directory on the owner's machine
	keyExpires = keyPrefix + guest.KeyExpires
	keyKept    = keyPrefix + guest.KeyKept
)

// readTag reads the keys of an instance; false when it is none of ours.
func readTag(i api.Instance) (guest.Tag, bool) { return guest.ReadTag(keyPrefix, i.Config) }
