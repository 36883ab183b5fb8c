package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/sandbox"
)

// keeping is a provider that has kept sandboxes.
type keeping struct {
	sandbox.Provider
	kept []sandbox.Kept
	err  error
}

func (k keeping) Kept(context.Context) ([]sandbox.Kept, error) { return k.kept, k.err }

func TestTellKept(t *testing.T) {
	until := time.Date(2026, 8, 26, 2, 0, 0, 0, time.UTC)
	var removed []string
	named := func(name string, err error) sandbox.Kept {
		return sandbox.Kept{Name: name, Stanza: "demo", Until: until, Remove: func(context.Context) error {
			if err == nil {
				removed = append(removed, name)
			}
			return err
		}}
	}
	elsewhere := func(name string) sandbox.Kept {
		k := named(name, nil)
		k.Variables = []string{"DRILL_INCUS_PROJECT=drills"}
		return k
	}
	one := keeping{kept: []sandbox.Kept{named("/tmp/a", nil), named("/tmp/b", nil)}}
	two := keeping{kept: []sandbox.Kept{named("alive", errors.New("its run is alive"))}}
	gone := keeping{err: errors.New("no daemon")}

	tell := func(from []sandbox.Provider, remove bool, names ...string) (string, error) {
		var out bytes.Buffer
		err := sandbox.TellKept(t.Context(), &out, from, "out/testprom", remove, names)
		return out.String(), err
	}
	said, err := tell([]sandbox.Provider{one, two}, false)
	require.NoError(t, err)
	assert.Equal(t, "kept /tmp/a, of stanza demo, until 2026-08-26T02:00:00Z\n"+
		"kept /tmp/b, of stanza demo, until 2026-08-26T02:00:00Z\n"+
		"kept alive, of stanza demo, until 2026-08-26T02:00:00Z\n"+
		"remove before that: out/testprom -reap -kept /tmp/a /tmp/b alive\n", said)
	assert.Empty(t, removed)

	said, err = tell([]sandbox.Provider{one, keeping{kept: []sandbox.Kept{elsewhere("c"), elsewhere("d")}}}, false)
	require.NoError(t, err)
	assert.Contains(t, said,
		"\nremove before that: DRILL_INCUS_PROJECT=drills out/testprom -reap -kept /tmp/a /tmp/b c d\n")

	said, err = tell([]sandbox.Provider{one}, true, "/tmp/b", "/tmp/c")
	require.ErrorContains(t, err, `no sandbox "/tmp/c" is kept here`)
	assert.Equal(t, "removed /tmp/b, which was kept until 2026-08-26T02:00:00Z\n", said)
	assert.Equal(t, []string{"/tmp/b"}, removed)

	removed = nil
	_, err = tell([]sandbox.Provider{gone, two, one}, true)
	require.ErrorContains(t, err, "no daemon")
	require.ErrorContains(t, err, "is alive")
	assert.Equal(t, []string{"/tmp/a", "/tmp/b"}, removed, "one that stays keeps no other")

	said, err = tell(nil, true)
	require.NoError(t, err)
	assert.Equal(t, "nothing is kept\n", said)
	said, err = tell(nil, false)
	require.NoError(t, err)
	assert.Empty(t, said)
}
