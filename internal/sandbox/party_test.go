package sandbox

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// place is what the hosts know.
type place struct {
	known Shared
	err   error
}

func (p *place) Known(context.Context, string) (Shared, error) { return p.known, p.err }

func (p *place) Tell(_ context.Context, _ string, s Shared) error {
	p.known = s
	return nil
}

func (p *place) Take(context.Context, string, Lease) (func(context.Context) error, error) {
	return func(context.Context) error { return nil }, nil
}

// What one host told of the end of the archive another one hears, and it does not hear itself.
func TestParty_TheEndIsRedElsewhere(t *testing.T) {
	p := &place{}
	host := func(name string) Party { return Party{Sharer: p, Host: name, Now: func() time.Time { return noon }} }
	tell := func(name string, exit int, endRed bool) {
		end, err := host(name).Begin(t.Context(), "main", noon.Add(time.Hour))
		require.NoError(t, err)
		require.NoError(t, end(t.Context(), exit, endRed))
	}
	red := func(name string) bool {
		at, err := host(name).EndRed(t.Context(), "main")
		require.NoError(t, err)
		assert.True(t, at.IsZero() || at.Equal(noon))
		return !at.IsZero()
	}
	assert.False(t, red("b"), "nobody drilled yet")
	tell("a", 1, true)
	assert.True(t, red("b"))
	assert.False(t, red("a"), "its own files know")
	tell("c", 2, false)
	assert.True(t, red("b"), "no verdict hides none")
	tell("a", 1, false)
	assert.False(t, red("b"), "red with a target")
	tell("b", 0, false)
	assert.False(t, red("a"))
	p.err = errors.New("no answer")
	_, err := host("b").EndRed(t.Context(), "main")
	require.ErrorIs(t, err, p.err)
}
