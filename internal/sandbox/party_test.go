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

// What one host told of the end of the archive another one hears, and it does not hear itself. A drill that did not go
// there makes nothing of it new.
func TestParty_TheEndElsewhere(t *testing.T) {
	p := &place{}
	hour := 0
	at := func(hour int) time.Time { return noon.Add(time.Duration(hour) * time.Hour) }
	host := func(name string) Party {
		return Party{Sharer: p, Host: name, Now: func() time.Time { return at(hour) }}
	}
	for _, step := range []struct {
		host      string
		exit      int
		went, red bool

		whose string // end is heard by the others
		at    int
		heard bool // red
	}{
		{"a", 1, true, true, "a", 1, true},
		{"c", 2, true, false, "a", 1, true}, // no verdict
		{"a", 1, false, true, "a", 1, true}, // aimed, and what is known of the end is older
		{"b", 0, true, false, "b", 4, false},
		{"a", 0, false, false, "b", 4, false},
		{"c", 1, false, true, "c", 6, true}, // the others could not be asked, and it may be red
		{"a", 1, true, true, "a", 7, true},
		{"b", 1, false, false, "a", 7, false}, // b went there since, and could not say so then
	} {
		hour++
		end, err := host(step.host).Begin(t.Context(), "main", at(hour+1))
		require.NoError(t, err)
		require.NoError(t, end(t.Context(), step.exit, step.went, step.red))
		for _, name := range []string{"a", "b", "c"} {
			when, red, err := host(name).End(t.Context(), "main")
			require.NoError(t, err)
			if name == step.whose {
				assert.Zero(t, when, "%d %s: its own files know", hour, name)
				continue
			}
			assert.Equal(t, at(step.at), when, "%d %s", hour, name)
			assert.Equal(t, step.heard, red, "%d %s", hour, name)
		}
	}
	p.err = errors.New("no answer")
	_, _, err := host("b").End(t.Context(), "main")
	require.ErrorIs(t, err, p.err)
}

// What a release before says of the end, and what a clock that is ahead says.
func TestParty_TheEndOfOthers(t *testing.T) {
	b := Party{Host: "b", Now: func() time.Time { return noon }}
	ahead := noon.Add(time.Hour)
	for name, c := range map[string]struct {
		known Shared
		at    time.Time
		red   bool
	}{
		"nothing":           {Shared{}, time.Time{}, false},
		"of two before":     {Shared{Host: "a", At: noon, Exit: 1}, time.Time{}, false},
		"of one before":     {Shared{Host: "a", At: noon, Exit: 1, EndRed: true}, noon, true},
		"its own":           {Shared{Host: "b", At: noon, Exit: 1, EndRed: true}, time.Time{}, false},
		"sound, and ahead":  {Shared{EndHost: "a", EndAt: ahead}, time.Time{}, false},
		"red, and ahead":    {Shared{EndHost: "a", EndAt: ahead, EndRed: true}, ahead, true},
		"sound, clock skew": {Shared{EndHost: "a", EndAt: noon.Add(time.Minute)}, noon.Add(time.Minute), false},
	} {
		b.Sharer = &place{known: c.known}
		at, red, err := b.End(t.Context(), "main")
		require.NoError(t, err)
		assert.Equal(t, c.at, at, name)
		assert.Equal(t, c.red, red, name)
	}
	old := &place{known: Shared{Host: "a", At: noon, Exit: 1, EndRed: true}}
	c := Party{Sharer: old, Host: "c", Now: func() time.Time { return noon.Add(time.Hour) }}
	end, err := c.Begin(t.Context(), "main", noon.Add(2*time.Hour))
	require.NoError(t, err)
	require.NoError(t, end(t.Context(), 1, false, true))
	b.Sharer = old
	at, red, err := b.End(t.Context(), "main")
	require.NoError(t, err)
	assert.Equal(t, noon, at, "a found it, at its time")
	assert.True(t, red)
}
