package incustest

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// testShared: what one host tells another knows; a stanza is taken by one host at a time, however many want it.
func testShared(t *testing.T) {
	p := here(incus.Provider{})
	t.Cleanup(func() {
		ctx, cancel := background(t)
		defer cancel()
		assert.NoError(t, run(ctx, "incus", "profile", "delete", "local:veza-drill.main"))
	})
	known, err := p.Known(soon(t), "main")
	require.NoError(t, err)
	assert.Equal(t, sandbox.Shared{}, known)
	for exit := range 2 {
		now := time.Now().UTC().Truncate(time.Second)
		told := sandbox.Shared{Host: "a", At: now, Exit: exit, EndRed: exit == 1, EndAt: now, EndHost: "a"}
		require.NoError(t, p.Tell(soon(t), "main", told))
		known, err = p.Known(soon(t), "main")
		require.NoError(t, err)
		assert.Equal(t, told, known)
	}

	until := time.Now().Add(time.Hour)
	var wanting sync.WaitGroup
	var mutex sync.Mutex
	var release []func(context.Context) error
	for _, host := range []string{"a", "b", "c", "d", "e", "f"} {
		wanting.Go(func() {
			back, failed := p.Take(soon(t), "main", sandbox.Lease{Host: host, Until: until})
			mutex.Lock()
			defer mutex.Unlock()
			if failed == nil {
				release = append(release, back)
				return
			}
			requireReason(t, reason.Locked, failed, "drills it, until")
		})
	}
	wanting.Wait()
	require.Len(t, release, 1, "one has it")
	require.NoError(t, release[0](soon(t)))
	require.NoError(t, release[0](soon(t)), "it is gone already")

	_, err = p.Take(soon(t), "main", sandbox.Lease{Host: "a", Until: time.Now().Add(-time.Minute)})
	require.NoError(t, err, "of a host that died")
	back, err := p.Take(soon(t), "main", sandbox.Lease{Host: "b", Until: until})
	require.NoError(t, err, "its time is over")
	_, err = p.Take(soon(t), "main", sandbox.Lease{Host: "b", Until: until})
	requireReason(t, reason.Locked, err, "of host b drills it, until")
	for _, owner := range []string{deadOwner(), ""} { // of a run that was killed, and of a release before
		held(t, sandbox.Lease{Host: "b", Until: until, Owner: owner})
		again, failed := p.Take(soon(t), "main", sandbox.Lease{Host: "b", Until: until})
		require.NoError(t, failed)
		require.NoError(t, back(soon(t)), "that is another one by now")
		_, failed = p.Take(soon(t), "main", sandbox.Lease{Host: "c", Until: until})
		requireReason(t, reason.Locked, failed, "host b")
		back = again
	}
	require.NoError(t, back(soon(t)))
}

// held makes the lease of stanza main, which is there, another one.
func held(t *testing.T, l sandbox.Lease) {
	t.Helper()
	text, err := json.Marshal(l)
	require.NoError(t, err)
	command(t, "incus", "profile", "set", "local:veza-drill-lease.main", "user.veza-drill.lease="+string(text))
}

// deadOwner is a process of this machine that has ended.
func deadOwner() string {
	words := strings.Fields(guest.ThisOwner())
	words[3] = "1"
	return strings.Join(words, " ")
}
