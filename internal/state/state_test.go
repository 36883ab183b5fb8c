package state

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Sections stay as they are when another is written, also those that this version does not know.
func TestUpdate_KeepsOtherSections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"of a later version": {"a": [1, 2]}, "mine": {"x": 1}}`), 0o644))
	mine := map[string]int{}
	require.NoError(t, Update(path, "mine", &mine, func() { mine["y"] = 2 }))
	var other map[string][]int
	require.NoError(t, Read(path, "of a later version", &other))
	assert.Equal(t, map[string][]int{"a": {1, 2}}, other)
	read := map[string]int{}
	require.NoError(t, Read(path, "mine", &read))
	assert.Equal(t, map[string]int{"x": 1, "y": 2}, read)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o644), info.Mode())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, left, 1, "nothing stays beside it")
}

// Two that write at once lose nothing of each other.
func TestUpdate_AtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			mine := map[string]int{}
			assert.NoError(t, Update(path, "section", &mine, func() { mine[fmt.Sprint(i)] = i }))
		})
	}
	all.Wait()
	read := map[string]int{}
	require.NoError(t, Read(path, "section", &read))
	assert.Len(t, read, 20)
}

// What is not there is nothing; what cannot be read is said, and only a writer begins anew.
func TestRead_NothingAndTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	read := map[string]int{"as it was": 1}
	require.NoError(t, Read(path, "mine", &read))
	assert.Equal(t, map[string]int{"as it was": 1}, read)
	var kept []string
	for _, torn := range []string{"", `{"mine": {"x"`, "[]", "null", `{"mine": "text"}`, "\x00\x01"} {
		require.NoError(t, os.WriteFile(path, []byte(torn), 0o600))
		require.ErrorContains(t, Read(path, "mine", &read), "cannot be read", "%q", torn)
		mine := map[string]int{}
		require.NoError(t, Update(path, "mine", &mine, func() { mine["x"] = 1 }), "%q", torn)
		read = map[string]int{}
		require.NoError(t, Read(path, "mine", &read), "%q", torn)
		assert.Equal(t, map[string]int{"x": 1}, read)
		if aside, err := os.ReadFile(path + Aside); err == nil {
			kept = append(kept, string(aside))
			require.NoError(t, os.Remove(path+Aside))
		}
	}
	assert.Equal(t, []string{"", `{"mine": {"x"`, "[]", "null", "\x00\x01"}, kept, "what they held may be missed")
}

// Whatever stands in the file, reading it ends, and a writer leaves one that can be read.
func FuzzUpdate(f *testing.F) {
	f.Add([]byte(`{"mine": {"x": 1}, "other": [null]}`))
	f.Add([]byte(`{"mine": null}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "state.json")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		mine := map[string]int{}
		require.NoError(t, Update(path, "mine", &mine, func() {
			if mine == nil {
				mine = map[string]int{}
			}
			mine["x"] = 7
		}))
		read := map[string]int{}
		require.NoError(t, Read(path, "mine", &read))
		require.Equal(t, 7, read["x"])
	})
}
