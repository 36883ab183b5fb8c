package integrity

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/state"
)

// What a run remembers the next one recalls, of each repository its own.
func TestMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	none, err := Recall(path, "demo/1")
	require.NoError(t, err)
	assert.Empty(t, none)
	m := Memory{
		"20261122-020003F/0":    {Seen: at, Read: at, Bytes: 5, Bad: []string{"x is cut"}},
		"15-1/0000000100000000": {Seen: at},
	}
	require.NoError(t, Remember(path, "demo/1", m))
	require.NoError(t, Remember(path, "demo/2", Memory{"other": {Seen: at}}))
	recalled, err := Recall(path, "demo/1")
	require.NoError(t, err)
	assert.Equal(t, m, recalled)
	assert.Equal(t, map[string][]string{"20261122-020003F/0": {"x is cut"}}, recalled.Bad())
}

// A file that cannot be read may hold what is known to be damaged: it is no empty memory.
func TestMemory_Torn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	for _, content := range []string{"", "{", `{"verified": {"demo/1": {"a": {"seen": "yest`, `{"verified": []}`} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := Recall(path, "demo/1")
		require.ErrorContains(t, err, "cannot be read", content)
	}
}

// Nor is one that another run has set aside since.
func TestMemory_SetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
	require.NoError(t, state.Update(path, "compared", &map[string]int{}, func() {}))
	_, err := Recall(path, "demo/1")
	require.ErrorContains(t, err, "state.json.unreadable could not be read, and was set aside")
	require.NoError(t, os.Remove(path+state.Aside))
	_, err = Recall(path, "demo/1")
	require.NoError(t, err)
}

// Units that are new were seen now, those that expired are forgotten, and times to come are not believed.
func TestMemory_With(t *testing.T) {
	m := Memory{
		"kept": {Seen: at, Read: at, Bytes: 1}, "to come": {Seen: at.Add(9 * Day), Read: at.Add(9 * Day), Bytes: 1},
		"expired":            {Seen: at, Bad: []string{"expired is cut"}},
		"20261122-020003F/1": {Seen: at, Bad: []string{"y is cut"}},
		"20261122-020004F/1": {Seen: at, Bad: []string{"z is cut"}},
	}
	with, gone := m.With([]Unit{{Key: "kept"}, {Key: "to come"}, {Key: "new"}}, []string{"20261122-020003F"}, at)
	assert.Equal(t, Memory{
		"kept": m["kept"], "to come": {Seen: at, Bytes: 1}, "new": {Seen: at},
		"20261122-020003F/1": m["20261122-020003F/1"], // its manifest could not be read today
	}, with)
	assert.Equal(t, []string{"z is cut", "expired is cut"}, gone)
	empty, _ := Memory(nil).With(nil, nil, at)
	assert.NotNil(t, empty)
}

// What is remembered of one unit has a bound.
func TestMemory_NoteIsBounded(t *testing.T) {
	m := Memory{}
	m.Note(Unit{Key: "a", Bytes: 7}, make([]string, 1000), at)
	assert.Len(t, m["a"].Bad, maxBad)
	assert.Equal(t, int64(7), m["a"].Bytes)
}
