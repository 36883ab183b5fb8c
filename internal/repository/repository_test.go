package repository

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

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

// What cannot be read without pgBackRest is refused by name: nothing read is no proof.
func TestObjects(t *testing.T) {
	dial := (&net.Dialer{}).DialContext
	for says, options := range map[string]string{
		"repository host":        "repo1-host=backup\n",
		"type azure":             "repo1-type=azure\n",
		"repo1-s3-key-type=auto": "repo1-type=s3\nrepo1-s3-endpoint=e\nrepo1-s3-key-type=auto\n",
		"CA file holds no":       s3[len("[global]\n"):],
		"no such file or directory": "repo1-type=s3\nrepo1-s3-endpoint=e\nrepo1-s3-bucket=b\n" +
			"repo1-storage-ca-file=/none/such\n",
	} {
		_, err := load(t, "[global]\n"+options+"[veza]\npg1-path=/p\n").Objects(dial)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why, says)
		assert.ErrorContains(t, err, says)
	}
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
