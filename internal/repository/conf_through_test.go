package repository

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/source"
)

// through reads a conf with other options for repository 1, and what conf.d has.
func through(t *testing.T, content, included string, options map[string]string) Repository {
	t.Helper()
	of := load(t, content)
	if included != "" {
		of.Conf.include["more.conf"] = []byte(included)
	}
	conf, err := Load(source.Repository{Conf: "/view.conf", Content: of.Conf.Through(1, options)})
	require.NoError(t, err)
	return Repository{Conf: conf, Stanza: "veza", Key: 1}
}

// Wherever an option stood, under whatever name, the new one is what each command sees, once.
func TestThrough_ReplacesEverywhere(t *testing.T) {
	r := through(t, s3+"repo1-storage-port=9000\n[veza:restore]\nrepo1-s3-host=old\nrepo1-cipher-type=aes-256-cbc\n",
		"[global:archive-get]\nrepo01-storage-verify-tls=n\nrepo1-s3-port=1\n",
		map[string]string{"storage-host": "localhost", "storage-port": "4711", "storage-ca-file": "/view/ca.crt"})
	for _, command := range []string{"restore", "archive-get", "info"} {
		assert.Equal(t, "localhost", r.Conf.Option("veza", command, "repo1-storage-host"), command)
		assert.Equal(t, "4711", r.Conf.Option("veza", command, "repo1-storage-port"), command)
		assert.Equal(t, "/view/ca.crt", r.Conf.Option("veza", command, "repo1-storage-ca-file"), command)
		assert.Empty(t, r.Conf.Option("veza", command, "repo1-storage-verify-tls"), command)
	}
	assert.Len(t, r.Conf.Sets("repo1-storage-port"), 1)
	address, ok := r.Address()
	assert.True(t, ok)
	assert.Equal(t, "localhost:4711", address.String())
	assert.Equal(t, "localhost", address.TLSName)
	assert.Equal(t, "s3.veza.test", r.repo().Endpoint(), "requests are signed for the store's own name")
}

// What is said of anything else stays: the cipher, another repository, the cluster.
func TestThrough_KeepsTheRest(t *testing.T) {
	r := through(t, "[global]\nrepo1-path=/r\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=secret\n"+
		"repo2-path=/other\nrepo2-storage-port=5\n[veza]\npg1-path=/p", "",
		map[string]string{"type": "s3", "path": "/repository", "storage-port": "4711"})
	assert.Equal(t, "s3", r.repo().Type())
	assert.Equal(t, "/repository", r.repo().Path())
	assert.True(t, r.repo().Encrypted())
	assert.Equal(t, "secret", r.Conf.Option("veza", "restore", "repo1-cipher-pass"))
	assert.Equal(t, "/other", r.Conf.Option("veza", "restore", "repo2-path"))
	assert.Equal(t, "5", r.Conf.Option("veza", "restore", "repo2-storage-port"))
	assert.Equal(t, "/p", r.Conf.Option("veza", "restore", "pg1-path"))
	assert.Equal(t, []string{"veza"}, r.Conf.Stanzas())
}
