package textfile

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// tried is a textfile that tells of an attempt for each stanza at a time.
func tried(t *testing.T, at time.Time, stanzas ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "drill.prom")
	for _, stanza := range stanzas {
		_, _, err := Write(path, Run{
			Suite: suite.Drill, Stanza: stanza, Environment: reason.None, Verdict: new(reason.None), At: at, Now: at,
		})
		require.NoError(t, err)
	}
	return path
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// What was tried since the other host's verdict stays; a time that lies ahead is none since.
func TestForget_AttemptsSince(t *testing.T) {
	verdict := time.Date(2026, 11, 29, 5, 0, 0, 0, time.UTC)
	now := verdict.Add(26 * time.Hour)
	for name, c := range map[string]struct {
		attempt time.Time
		stays   bool
	}{
		"before":          {verdict.Add(-time.Hour), false},
		"since":           {verdict.Add(time.Hour), true},
		"clocks differ":   {now.Add(4 * time.Minute), true},
		"from the future": {now.Add(6 * time.Minute), false},
	} {
		path := tried(t, c.attempt, "demo", "other")
		require.NoError(t, Files{}.Forget(path, suite.Drill, "demo", verdict, now), name)
		if c.stays {
			assert.Contains(t, content(t, path), `stanza="demo"`, name)
		} else {
			assert.NotContains(t, content(t, path), `stanza="demo"`, name)
		}
		assert.Contains(t, content(t, path), `stanza="other"`, name)
	}
}

// A stanza that got another name, or left the list, is taken out; what is said of those that stay is the same to the
// letter.
func TestForgetAllBut(t *testing.T) {
	then := time.Date(2026, 11, 29, 5, 0, 0, 0, time.UTC)
	path := tried(t, then, "old", "veza", "older")
	gone, err := Files{}.ForgetAllBut(path, suite.Drill, []string{"veza", "shop"})
	require.NoError(t, err)
	assert.Equal(t, []string{"old", "older"}, gone)
	assert.Equal(t, content(t, tried(t, then, "veza")), content(t, path))

	before, err := os.Stat(path)
	require.NoError(t, err)
	gone, err = Files{}.ForgetAllBut(path, suite.Drill, []string{"veza"})
	require.NoError(t, err)
	assert.Empty(t, gone)
	after, err := os.Stat(path)
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "nothing is written anew where nothing goes")

	gone, err = Files{}.ForgetAllBut(path, suite.Backup, []string{"shop"})
	require.NoError(t, err)
	assert.Empty(t, gone, "what another suite found is none of it")
	assert.Contains(t, content(t, path), `stanza="veza"`)
}

func TestForgetAllBut_WithoutAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "drill.prom")
	gone, err := Files{}.ForgetAllBut(path, suite.Drill, []string{"veza"})
	require.NoError(t, err)
	assert.Empty(t, gone)
	assert.NoFileExists(t, path)
	require.NoError(t, os.Symlink("/nowhere", path))
	_, err = Files{}.ForgetAllBut(path, suite.Drill, []string{"veza"})
	require.ErrorContains(t, err, "symbolic link")
}
