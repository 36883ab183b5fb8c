package node

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is not seen has ended only where it would be seen: in the same PID namespace of the same boot, or after the
// machine has booted. Everything else may be at work elsewhere.
func TestStarter(t *testing.T) {
	of := func(boot, machine string, namespace uint64) Starter { return Starter{boot, machine, namespace} }
	here := of("b", "m", 7)
	for name, c := range map[string]struct {
		at, here Starter
		sees     bool
	}{
		"here":                              {here, here, true},
		"here, in a container of an image":  {of("b", "", 7), of("b", "", 7), true},
		"in another container":              {of("b", "m", 8), here, false},
		"booted since":                      {of("a", "m", 7), here, true},
		"booted since, in what was started": {of("a", "m", 8), here, true},
		"on another machine":                {of("a", "n", 7), here, false},
		"in an image's, on another machine": {of("a", "", 7), of("b", "", 7), false},
		"nothing is known":                  {Starter{}, Starter{}, false},
		"no namespace":                      {of("b", "m", 0), of("b", "m", 0), false},
		"no boot here":                      {here, of("", "m", 7), false},
		"no boot there":                     {of("", "m", 7), here, false},
	} {
		assert.Equal(t, c.sees, c.at.sees(c.here), name)
	}
	assert.False(t, (*Starter)(nil).sees(here), "a mark of a release before")
}

// A mark tells whoever takes it up where its server was started.
func TestClaim_Starts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pg")
	require.NoError(t, os.Mkdir(dir, 0o700))
	c, err := Take(dir)
	require.NoError(t, err)
	assert.False(t, c.Ended(), "none was started")
	c.Starts()
	require.NoError(t, c.Say(Recovering))
	said, err := ReadClaim(dir)
	require.NoError(t, err)
	assert.NotEmpty(t, said.Starter.Boot)
	assert.NotZero(t, said.Starter.Namespace)
	assert.True(t, said.Ended())

	said.Starter.Namespace++ // it is taken up elsewhere, time and again
	var again Claim
	again.GoesOn(said)
	assert.True(t, again.Started)
	assert.False(t, again.Ended())
	again.Starts()
	assert.True(t, again.Ended())
	said.Starter = nil
	assert.False(t, said.Ended())
	require.NoError(t, c.Drop())
}
