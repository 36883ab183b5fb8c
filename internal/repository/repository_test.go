package repository

import (
	"context"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/source"
)

func load(t *testing.T, content string) Repository {
	t.Helper()
	conf, err := Load(
		source.Repository{
			Conf:    "/etc/pgbackrest/elsewhere.conf",
			Content: []byte(content),
			Files:   map[string][]byte{"/node/ca.crt": []byte("a certificate")},
		},
	)
	require.NoError(t, err)
	return Repository{Conf: conf, Stanza: "veza", Key: 1}
}

const s3 = "[global]\nrepo1-type=s3\nrepo1-s3-endpoint=s3.veza.test\nrepo1-s3-bucket=b\nrepo1-s3-uri-style=path\n" +
	"repo1-storage-ca-file=/node/ca.crt\n[veza]\npg1-path=/p\n"

// Files of another machine come with the conf; those of this one are read where they are.
func TestConf_CA(t *testing.T) {
	r := load(t, s3)
	ca, err := r.Conf.CA(r.repo())
	require.NoError(t, err)
	assert.Equal(t, "a certificate", string(ca))
	here := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(here, []byte("another"), 0o600))
	r = load(t, "[global]\nrepo1-type=s3\nrepo1-storage-ca-file="+here+"\n[veza]\npg1-path=/p\n")
	ca, err = r.Conf.CA(r.repo())
	require.NoError(t, err)
	assert.Equal(t, "another", string(ca))
	require.NoError(t, os.Remove(here))
	_, err = r.Conf.CA(r.repo())
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ConfigInvalid, why)
	assert.ErrorContains(t, err, "repo1-storage-ca-file")
}

// The roots are the CA file's and those of the directory, as OpenSSL looks for them; nil is this machine's own.
func TestConf_Roots(t *testing.T) {
	dir := t.TempDir()
	one, err := objectstore.NewMinIO("one", 1, time.Hour)
	require.NoError(t, err)
	other, err := objectstore.NewMinIO("other", 1, time.Hour)
	require.NoError(t, err)
	files := map[string][]byte{"0a1b2c3d.0": one.CA, "plain.crt": other.CA, "key.pem": []byte("key")}
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "java"), 0o700))
	require.NoError(t, os.Symlink("removed.crt", filepath.Join(dir, "1b2c3d4e.0")))
	file, path := "repo1-storage-ca-file="+filepath.Join(dir, "plain.crt")+"\n", "repo1-storage-ca-path="+dir+"\n"
	pool := func(of ...[]byte) *x509.CertPool {
		p := x509.NewCertPool()
		for _, ca := range of {
			require.True(t, p.AppendCertsFromPEM(ca))
		}
		return p
	}
	for options, want := range map[string]*x509.CertPool{
		path: pool(one.CA), file: pool(other.CA), file + path: pool(one.CA, other.CA),
	} {
		r := load(t, "[global]\nrepo1-type=s3\n"+options+"[veza]\npg1-path=/p\n")
		roots, failed := r.Conf.Roots(r.repo())
		require.NoError(t, failed)
		assert.True(t, want.Equal(roots), options)
	}
	r := load(t, "[global]\nrepo1-type=s3\n[veza]\npg1-path=/p\n")
	roots, err := r.Conf.Roots(r.repo())
	require.NoError(t, err)
	assert.Nil(t, roots)
}

// What cannot be read without pgBackRest is refused by name: nothing read is no proof.
func TestObjects(t *testing.T) {
	dial := (&net.Dialer{}).DialContext
	for says, options := range map[string]string{
		"repository host":           "repo1-host=backup\n",
		"type azure":                "repo1-type=azure\n",
		"repo1-s3-key-type=auto":    "repo1-type=s3\nrepo1-s3-endpoint=e\nrepo1-s3-key-type=auto\n",
		"repo1-s3-requester-pays=y": "repo1-type=s3\nrepo1-s3-endpoint=e\nrepo1-s3-requester-pays=y\n",
		"repo1-s3-sse-customer-key": "repo1-type=s3\nrepo1-s3-endpoint=e\nrepo1-s3-sse-customer-key=a2V5\n",
		"repo1-storage-ca-path": "repo1-type=s3\nrepo1-s3-endpoint=e\nrepo1-s3-bucket=b\n" +
			"repo1-storage-ca-path=/none/such\n",
		"CA file holds no": s3[len("[global]\n"):],
		"no such file or directory": "repo1-type=s3\nrepo1-s3-endpoint=e\nrepo1-s3-bucket=b\n" +
			"repo1-storage-ca-file=/none/such\n",
	} {
		_, err := load(t, "[global]\n"+options+"[veza]\npg1-path=/p\n").Objects(dial)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why, says)
		assert.ErrorContains(t, err, says)
	}
	_, err := load(t, "[global]\nrepo1-type=s3\nrepo1-s3-endpoint=e\nrepo1-s3-bucket=b\nrepo1-s3-requester-pays=n\n"+
		"[veza]\npg1-path=/p\n").Objects(dial)
	require.NoError(t, err)
	objects, err := load(t, "[global]\nrepo1-path=/repo/\n[veza]\npg1-path=/p\n").Objects(dial)
	require.NoError(t, err)
	assert.Equal(t, objectstore.Directory("/repo"), objects)
}

// Whatever conf.d holds at the default place goes along, into a directory that is made for it.
func TestConf_InstallsIncluded(t *testing.T) {
	r := load(t, "[global]\nrepo1-path=/repo\n[veza]\npg1-path=/p\n")
	r.Conf.include = map[string][]byte{"secret.conf": []byte("[global]\nrepo1-cipher-pass=x\n")}
	m, err := process.Provider{}.Launch(t.Context(), sandbox.Spec{Stanza: "repository-test", Run: t.Name()})
	if why, _ := reason.Of(err); why == reason.ToolMissing && testing.Short() {
		return // a machine without user postgres, where only what needs nothing but Go is asked
	}
	t.Cleanup(func() { assert.NoError(t, m.Destroy(context.Background())) })
	require.NoError(t, err)
	client, err := r.Equip(t.Context(), m, true, nil)
	require.NoError(t, err)
	content, err := m.Read(t.Context(), client.Pgbackrest.Include+"/secret.conf")
	require.NoError(t, err)
	assert.Equal(t, "[global]\nrepo1-cipher-pass=x\n", string(content))
}
