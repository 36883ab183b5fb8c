package repository

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// machine is a directory with the files of an /etc.
func machine(t *testing.T, paths ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, path := range paths {
		require.NoError(t, os.MkdirAll(filepath.Dir(root+path), 0o755))
		require.NoError(t, os.WriteFile(root+path, []byte(path), 0o600))
	}
	return root
}

// conf.d goes with the conf that pgBackRest finds by itself, and with no other.
func TestIncludedBeside(t *testing.T) {
	const secret, more = pgbackrest.DefaultInclude + "/secret.conf", pgbackrest.DefaultInclude + "/a.conf"
	old := machine(t, pgbackrest.FallbackConfig, secret, more, pgbackrest.DefaultInclude+"/.conf",
		pgbackrest.DefaultInclude+"/secret.conf.bak", "/elsewhere/pgbackrest.conf")
	both := machine(t, pgbackrest.DefaultConfig, pgbackrest.FallbackConfig, secret)
	require.NoError(t, os.Symlink(both+pgbackrest.DefaultConfig, both+"/link.conf"))
	for _, c := range []struct {
		root, conf string
		want       []string
	}{
		{old, pgbackrest.FallbackConfig, []string{more, secret}},
		{old, "/etc/pgbackrest/../pgbackrest.conf", []string{more, secret}},
		{old, "/elsewhere/pgbackrest.conf", nil},
		{both, pgbackrest.DefaultConfig, []string{secret}},
		{both, "/etc//pgbackrest/./pgbackrest.conf", []string{secret}},
		{both, "/link.conf", []string{secret}},
		{both, pgbackrest.FallbackConfig, nil}, // pgBackRest reads the other one by itself
		{machine(t, pgbackrest.DefaultConfig), pgbackrest.DefaultConfig, nil},
	} {
		files, err := includedBeside(c.root+c.conf, c.root)
		require.NoError(t, err)
		var got []string
		for _, file := range files {
			got = append(got, file.Path[len(c.root):])
		}
		assert.Equal(t, c.want, got, c.conf)
	}
	assert.Equal(t, old+pgbackrest.FallbackConfig, DefaultPlace(old))
	assert.Equal(t, both+pgbackrest.DefaultConfig, DefaultPlace(both))
	none := t.TempDir()
	assert.Equal(t, none+pgbackrest.DefaultConfig, DefaultPlace(none), "an error names the new place")
}

// What belongs to the conf and cannot be read is no conf.
func TestIncludedBeside_Unreadable(t *testing.T) {
	root := machine(t, pgbackrest.DefaultConfig)
	require.NoError(t, os.MkdirAll(root+pgbackrest.DefaultInclude+"/dir.conf", 0o755))
	_, err := includedBeside(root+pgbackrest.DefaultConfig, root)
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ConfigInvalid, why)
	assert.ErrorContains(t, err, "dir.conf")
}

// Certificates for a repository host that are not here are this machine's matter.
func TestHostFiles(t *testing.T) {
	here := machine(t, "/ca.crt") + "/ca.crt"
	for file, fails := range map[string]bool{here: false, here + ".gone": true} {
		err := load(t, "[global]\nrepo1-host=h\nrepo1-host-ca-file="+file+"\n[veza]\npg1-path=/p\n").hostFiles()
		why, _ := reason.Of(err)
		assert.Equal(t, fails, why == reason.ConfigInvalid, file)
	}
	require.NoError(t, load(t, "[global]\nrepo1-host=h\n[veza]\npg1-path=/p\n").hostFiles())
}
