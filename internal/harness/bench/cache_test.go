package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newCache(t *testing.T) cache {
	t.Helper()
	c, unlock, err := openCache(filepath.Join(t.TempDir(), "cache"))
	require.NoError(t, err)
	t.Cleanup(unlock)
	return c
}

// written is a repository as pgBackRest leaves one.
func written(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repo")
	for _, name := range []string{
		"backup/bench/backup.info", "archive/bench/1-1/archive.info",
		"archive/bench/1-1/0000000100000000/000000010000000000000004-aa.zst",
		"archive/bench/1-1/0000000100000000/000000010000000000000005-bb.zst",
		"archive/bench/1-1/0000000100000000/000000010000000000000005.00000028.backup",
		"archive/bench/1-1/0000000100000000/000000010000000000000006-cc.zst",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("12345"), 0o600))
	}
	return dir
}

// What a source is made of is its name in the cache, to the version of a program.
func TestRecipe_Key(t *testing.T) {
	recipes := Options{Segments: 160, Sizes: []float64{0.1, 5}}.recipes(versions{"16.1", "2.50"})
	require.Len(t, recipes, 3)
	keys := map[string]bool{}
	for _, r := range recipes {
		keys[r.key()] = true
		other := r
		other.PgBackRest = "2.51"
		keys[other.key()] = true
		other = r
		other.Edition++
		keys[other.key()] = true
	}
	assert.Len(t, keys, 9)
	assert.Equal(t, "1.2 GB and 160 segments of WAL", recipes[0].String())
	assert.Equal(t, "0.1 GB", recipes[1].String())
	assert.Equal(t, "0.15 GB and 20 segments of WAL", replayed(20).String(), "a quick run is small")
	toMake, toMeasure := recipes[2].room()
	assert.Equal(t, int64(15_000_000_000), toMake)
	assert.Equal(t, int64(11_500_000_000), toMeasure)
}

// A source is found again with all that is known of it; one of another version takes its place.
func TestCache_TakesAndFinds(t *testing.T) {
	c := newCache(t)
	r := sized(1)
	_, there, err := c.find(r)
	require.NoError(t, err)
	assert.False(t, there)
	s := Source{Recipe: r, Passphrase: "p", Major: "1", DatabaseBytes: 7, Replayed: 2}
	made, err := c.take(t.Context(), s, written(t))
	require.NoError(t, err)
	found, there, err := c.find(r)
	require.NoError(t, err)
	assert.True(t, there)
	assert.Equal(t, made, found)
	assert.FileExists(t, filepath.Join(found.bucket(), "pgbackrest", "backup", "bench", "backup.info"))
	info, err := os.Stat(filepath.Join(found.Dir, sourceFile))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode(), "it has the passphrase")

	other := sized(0.1)
	_, err = c.take(t.Context(), Source{Recipe: other}, written(t))
	require.NoError(t, err)
	newer := r
	newer.PostgreSQL = "2"
	_, err = c.take(t.Context(), Source{Recipe: newer}, written(t))
	require.NoError(t, err)
	for recipe, want := range map[Recipe]bool{r: false, other: true, newer: true} {
		_, there, err = c.find(recipe)
		require.NoError(t, err)
		assert.Equal(t, want, there, recipe.key())
	}
}

// What was not finished is no source, and gone with the next run; two runs at once measure nothing.
func TestOpenCache(t *testing.T) {
	dir := t.TempDir()
	half := filepath.Join(dir, "1GB-abc"+halfMade)
	require.NoError(t, os.MkdirAll(half, 0o700))
	_, unlock, err := openCache(dir)
	require.NoError(t, err)
	assert.NoDirExists(t, half)
	_, _, err = openCache(dir)
	require.ErrorContains(t, err, "another bench is at work")
	unlock()
	_, unlock, err = openCache(dir)
	require.NoError(t, err)
	unlock()
}

// Segments are counted from the one that the backup began in; their size is the repository's.
func TestCount(t *testing.T) {
	size, segments, err := count(written(t), "000000010000000000000005")
	require.NoError(t, err)
	assert.Equal(t, 2, segments)
	assert.EqualValues(t, 30, size)
}

func TestNumber(t *testing.T) {
	assert.Equal(t, "16.1", number([]byte("postgres (PostgreSQL) 16.1 (Debian 16.1-1.pgdg)\n")))
	assert.Equal(t, "19beta1", number([]byte("postgres (PostgreSQL) 19beta1\n")))
	assert.Equal(t, "2.50", number([]byte("pgBackRest 2.50\n")))
}

// Only a directory whose run is gone is swept.
func TestAbandoned(t *testing.T) {
	living := func(pid int) bool { return pid == 12 }
	for name, want := range map[string]bool{
		"vzb-12-345": false, "vzb-13-345": true, "vzb-13": false, "vzb--1-2": false, "vzb-x-2": false,
		"vzs-13-2": false,
	} {
		assert.Equal(t, want, abandoned(name, living), name)
	}
	assert.True(t, alive(os.Getpid()))
	assert.True(t, strings.HasPrefix(ScratchName(), "vzb-"))
	assert.False(t, abandoned(ScratchName()+"1", alive))
}
