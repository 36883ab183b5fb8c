package node

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// A tablespace that is younger than the set goes where one of the set may, and nowhere else.
func TestTargets_RefuseLate(t *testing.T) {
	for name, c := range map[string]struct {
		there []string // below the directory of all
		late  string
		words string // "" is that it may
	}{
		"not there":                {nil, "late", ""},
		"beside a cluster":         {[]string{"c/PG_VERSION", "late/"}, "late", ""},
		"in the data directory":    {[]string{"pg/PG_VERSION"}, "pg/late", ""},
		"in a tablespace":          {[]string{"ts/PG_15_202209061/"}, "ts/late", ""},
		"inside a cluster":         {[]string{"c/PG_VERSION"}, "c/late", "it lies inside a cluster"},
		"inside one, by a link":    {[]string{"c/PG_VERSION", "c/in/"}, "into/late", "it lies inside a cluster"},
		"where a tablespace lies":  {[]string{"o/PG_15_202209061/5/"}, "o/PG_15_202209061/late", "inside a cluster"},
		"in WAL that a link names": {[]string{"w/archive_status/"}, "w/late", "/w): move that away"},
		"used":                     {[]string{"c/PG_VERSION", "c/pg_tblspc/", "late/"}, "late", "is used by a server"},
	} {
		dir := resolved(t)
		for _, path := range c.there {
			made(t, dir+"/"+path)
		}
		require.NoError(t, os.Symlink(dir+"/c/in", dir+"/into"))
		if name == "used" {
			require.NoError(t, os.Symlink(dir+"/late", dir+"/c/pg_tblspc/16399"))
			started(t, "postgres", dir+"/c")
		}
		ts := Targets{Data: dir + "/pg", List: []pgbackrest.ManifestTarget{tablespace(dir + "/ts")}}
		err := ts.RefuseLate(dir + "/" + c.late)
		if c.words == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.words, name)
		require.ErrorContains(t, err, "go on with -resume", name)
		assert.NotContains(t, err.Error(), "-map", name)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why, name)
	}
}

// Two restores never replay into one directory; one restore may come to the same again.
func TestClaim_HoldLate(t *testing.T) {
	dir := resolved(t)
	for _, path := range []string{"/h1/", "/h2/", "/ts/", "/late/", "/other/"} {
		made(t, dir+path)
	}
	first, err := Take(dir + "/h1")
	require.NoError(t, err)
	second, err := Take(dir + "/h2")
	require.NoError(t, err)
	list := []pgbackrest.ManifestTarget{tablespace(dir + "/ts")}
	require.NoError(t, first.Hold(Targets{Data: first.Data, List: list}))
	require.NoError(t, first.HoldLate(dir+"/late"))
	require.NoError(t, first.HoldLate(dir+"/late"), "dropped, and made again")
	require.NoError(t, first.HoldLate(dir+"/ts"), "of a tablespace of the set that was dropped")
	for _, space := range []string{"/late", "/ts"} {
		err = second.HoldLate(dir + space)
		require.ErrorContains(t, err, "another restore is at work in "+dir+space)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.Locked, why)
	}
	require.NoError(t, second.HoldLate(dir+"/other"))
	require.ErrorIs(t, second.HoldLate(dir+"/none"), os.ErrNotExist)
	require.NoError(t, first.Drop())
	require.NoError(t, second.HoldLate(dir+"/late"))
	require.NoError(t, second.Drop())
}
