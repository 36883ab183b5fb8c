package target

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// When a range of blocks was compared is remembered whatever bytes the name of its database has, and two names that are
// no UTF-8 stay two.
func TestRememberCompared_AnyName(t *testing.T) {
	at := time.Date(2026, 11, 30, 4, 0, 0, 0, time.UTC)
	path := filepath.Join(t.TempDir(), "state.json")
	last := map[string]time.Time{}
	for i, name := range []string{
		"app", "caf\xe9", "caf\xe8", "\xff\xfe", "日本", `"quoted"`, `"caf\xe9"`, `"`, `a"b`, "�", "a b\n", "`x`", "'x'",
	} {
		last[name+"/16384/0"] = at.Add(time.Duration(i) * time.Minute)
		last[name] = at.Add(time.Duration(i) * time.Hour)
	}
	require.NoError(t, RememberCompared(path, "demo", last))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, json.Valid(content))
	assert.Contains(t, string(content), `"app/16384/0"`, "what JSON can hold stands there as it is")

	again, err := RecallCompared(path, "demo")
	require.NoError(t, err)
	assert.Equal(t, last, again)
}

// What an earlier version wrote is read as it was.
func TestRecallCompared_OfBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	const before = `{"drilled": {}, "compared": {"demo": {"app/1259/0": "2026-11-30T04:00:00Z"}}}`
	require.NoError(t, os.WriteFile(path, []byte(before), 0o600))
	last, err := RecallCompared(path, "demo")
	require.NoError(t, err)
	assert.Equal(t, map[string]time.Time{"app/1259/0": time.Date(2026, 11, 30, 4, 0, 0, 0, time.UTC)}, last)
	none, err := RecallCompared(path, "other")
	require.NoError(t, err)
	assert.Empty(t, none)
}

func FuzzKeyOfAnyBytes(f *testing.F) {
	f.Add("caf\xe9/16384/0")
	f.Add(`"\xe9"`)
	f.Fuzz(func(t *testing.T, key string) {
		var stored string
		text, err := json.Marshal(asJSON(key))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &stored))
		assert.Equal(t, key, asKnown(stored))
	})
}
