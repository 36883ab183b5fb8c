package node

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// Two restores with data directories of their own never share another directory; a file's directory they may.
func TestClaim_Hold(t *testing.T) {
	dir := resolved(t)
	begin := func(name, space string) (*Claim, error) {
		for _, path := range []string{name, space} {
			if !exists(dir, path) {
				made(t, filepath.Join(dir, path)+"/")
			}
		}
		c, err := Take(filepath.Join(dir, name))
		require.NoError(t, err)
		ts := Targets{Data: c.Data, List: []pgbackrest.ManifestTarget{tablespace(dir + "/" + space), link(dir, "hba")}}
		free := ts.Free()
		err = c.Hold(ts)
		assert.Equal(t, err == nil, free == nil, "asked before")
		return c, err
	}
	first, err := begin("h1", "ts")
	require.NoError(t, err)
	second, err := begin("h2", "ts")
	require.ErrorContains(t, err, "another restore is at work in "+dir+"/ts")
	why, _ := reason.Of(err)
	assert.Equal(t, reason.Locked, why)
	require.NoError(t, second.Release())
	third, err := begin("h3", "other")
	require.NoError(t, err)
	require.NoError(t, third.Release())

	require.NoError(t, first.Drop())
	second, err = begin("h2", "ts")
	require.NoError(t, err)
	require.NoError(t, second.Release())
	require.NoError(t, os.RemoveAll(dir+"/ts"))
	require.NoError(t, Targets{Data: dir, List: []pgbackrest.ManifestTarget{tablespace(dir + "/ts")}}.Free())
}
