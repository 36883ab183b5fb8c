package source_test

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
)

func itoa(n int) string { return strconv.Itoa(n) }

// A configuration that is there is handed on by its absolute path.
func TestExisting_Absolute(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("my.conf", nil, 0o600))
	here, err := os.Getwd()
	require.NoError(t, err)
	e := source.Existing{Conf: "my.conf", Stanza: "main"}
	repository, err := e.Open(t.Context(), t.Logf)
	require.NoError(t, err)
	me, err := user.Current()
	require.NoError(t, err)
	assert.Equal(t,
		source.Repository{Conf: filepath.Join(here, "my.conf"), Stanza: "main", Mode: 0o600, Owner: me.Username},
		repository)
	require.NoError(t, e.Close(t.Context()))
}

// One that cannot be read is config_invalid, and the absolute path that was tried is named.
func TestExisting_Unreadable(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, conf := range []string{"missing.conf", ".", ""} {
		_, err := source.Existing{Conf: conf}.Open(t.Context(), t.Logf)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why, conf)
		assert.ErrorContains(t, err, filepath.Base(dir))
	}
}
