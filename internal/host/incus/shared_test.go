package incus

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lxc/incus/v6/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// owner is this process, with one of its words (machine, boot, pid, start) another one.
func owner(word int, other string) string {
	words := strings.Fields(guest.ThisOwner())
	words[word] = other
	return strings.Join(words, " ")
}

// A host's own lease is free when its process is dead, and that of a release before, which names none.
func TestHeldBy(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		host, owner string
		until       time.Duration
		held        string
	}{
		"its own, alive":             {"a", guest.ThisOwner(), time.Hour, "of host a drills it, until "},
		"its own, alive and late":    {"a", guest.ThisOwner(), -time.Hour, "of host a drills it, until "},
		"its own, dead":              {"a", owner(3, "1"), time.Hour, ""},
		"its own, before a boot":     {"a", owner(1, "boot-before"), time.Hour, ""},
		"of a release before":        {"a", "", time.Hour, ""},
		"another machine, same name": {"a", owner(0, "another@a"), time.Hour, "host a drills it, until "},
		"that one, too late":         {"a", owner(0, "another@a"), -time.Hour, ""},
		"another host's":             {"b", owner(0, "another@b"), time.Hour, "host b drills it, until "},
		"another's, of before":       {"b", "", time.Hour, "host b drills it, until "},
		"another's, too late":        {"b", owner(0, "another@b"), -time.Hour, ""},
	} {
		by := heldBy(sandbox.Lease{Host: c.host, Until: now.Add(c.until), Owner: c.owner}, "a", now)
		assert.Equal(t, c.held == "", by == "", "%s: %s", name, by)
		assert.Contains(t, by, c.held, name)
	}
}

// A second run of the host is locked at once, and the lease of the first stays; that of a killed one goes.
func TestTake_OfTheSameHost(t *testing.T) {
	const path = "/1.0/profiles/" + leaseProfile + "main"
	for held, asked := range map[string]int{guest.ThisOwner(): 1, owner(3, "1"): 3 * leaseTries} {
		lease := sandbox.Lease{Host: "a", Until: time.Now().Add(time.Hour)}
		lease.Owner = held
		text, err := json.Marshal(lease)
		require.NoError(t, err)
		profile := api.Profile{Name: leaseProfile + "main"}
		profile.Config = map[string]string{keyPrefix + "lease": string(text), keyID: "x"}
		daemon := answers{
			"/1.0": api.Server{}, "/1.0/projects/default": api.Project{Name: "default"},
			"/1.0/profiles": http.StatusConflict, path: profile,
		}
		count := daemon.serve(t)
		_, err = Provider{}.Take(t.Context(), "main", sandbox.Lease{Host: "a", Until: lease.Until})
		why, _ := reason.Of(err)
		assert.Equal(t, reason.Locked, why, "%v", err)
		assert.Equal(t, asked, count(path), "looked at, and for a dead one looked at again and removed: %v", err)
	}
}
