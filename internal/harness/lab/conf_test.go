package lab

import (
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/pgbackrest"
)

func somewhere(t *testing.T) places {
	t.Helper()
	dir := t.TempDir()
	return places{
		conf: filepath.Join(dir, "etc", confFile), ca: filepath.Join(dir, "etc", caFile),
		state: filepath.Join(dir, "state", "lab"),
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

var labConf, labCA = own([]byte("[global]\nrepo1-s3-key=k\n")), own([]byte("certificate"))

// The conf plays the host's where the host has none, and all of it goes again.
func TestPlaces_InstallAndRemove(t *testing.T) {
	p := somewhere(t)
	_, err := p.active()
	require.ErrorIs(t, err, fs.ErrNotExist)
	for range 2 { // again is fine
		installed, again := p.install(labConf, labCA)
		require.NoError(t, again)
		assert.True(t, installed)
	}
	active, err := p.active()
	require.NoError(t, err)
	assert.Equal(t, p.conf, active)
	assert.Equal(t, string(labConf), read(t, p.conf))
	assert.Equal(t, string(labConf), read(t, p.copyOf(confFile)))
	assert.Equal(t, string(labCA), read(t, p.ca))
	info, err := os.Stat(p.conf)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode(), "it holds secrets")
	for range 2 {
		require.NoError(t, p.remove())
		assert.NoDirExists(t, filepath.Dir(p.conf))
		assert.NoDirExists(t, p.state)
	}
}

// A conf of somebody else is never touched; the lab's is then its copy.
func TestPlaces_ForeignConf(t *testing.T) {
	p := somewhere(t)
	require.NoError(t, os.MkdirAll(filepath.Dir(p.conf), 0o755))
	require.NoError(t, os.WriteFile(p.conf, []byte("[production]\n"), 0o640))
	installed, err := p.install(labConf, labCA)
	require.NoError(t, err)
	assert.False(t, installed)
	assert.Equal(t, "[production]\n", read(t, p.conf))
	active, err := p.active()
	require.NoError(t, err)
	assert.Equal(t, p.copyOf(confFile), active)
	require.NoError(t, p.remove())
	assert.Equal(t, "[production]\n", read(t, p.conf))
	assert.NoFileExists(t, p.ca)
}

// Nor is a certificate of somebody else.
func TestPlaces_ForeignCA(t *testing.T) {
	p := somewhere(t)
	require.NoError(t, os.MkdirAll(filepath.Dir(p.ca), 0o755))
	require.NoError(t, os.WriteFile(p.ca, []byte("theirs"), 0o644))
	_, err := p.install(labConf, labCA)
	require.ErrorContains(t, err, p.ca)
	require.NoError(t, p.remove())
	assert.Equal(t, "theirs", read(t, p.ca))
}

// The mark is a comment to those who read the files.
func TestOwn_IsAComment(t *testing.T) {
	conf, err := pgbackrest.ParseConfig("x", own([]byte("[global]\nrepo1-s3-key=k\n[veza]\npg1-path=/p\n")))
	require.NoError(t, err)
	assert.Equal(t, []string{"k"}, conf.Secrets())
	m, err := objectstore.NewMinIO("s3."+zone, 9000, time.Hour)
	require.NoError(t, err)
	assert.True(t, x509.NewCertPool().AppendCertsFromPEM(own(m.CA)))
}

// The copies are below XDG_STATE_HOME, else below the cache.
func TestUsual(t *testing.T) {
	t.Setenv("HOME", "/home/somebody")
	t.Setenv("XDG_CACHE_HOME", "")
	for state, want := range map[string]string{
		"": "/home/somebody/.cache/veza-drill/lab", "/var/state": "/var/state/veza-drill/lab",
	} {
		t.Setenv("XDG_STATE_HOME", state)
		p, err := usual()
		require.NoError(t, err)
		assert.Equal(t, want, p.state)
		assert.Equal(t, pgbackrest.DefaultConfig, p.conf)
	}
}
