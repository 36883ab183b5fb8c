package labtest

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/reason"
)

// remote: the same drill through a daemon that is reached over HTTPS with a client
// certificate, as the incus command's own configuration has it. Nothing of the daemon's
// machine is used but what it offers there.
func (d *daemon) remote(t *testing.T) {
	conf := filepath.Join(d.dir, "conf")
	require.NoError(t, os.Mkdir(conf, 0o700))
	b := d.at(t)
	b.cli = append(b.cli, "INCUS_CONF="+conf)
	address := freeAddress(t)
	b.incus("config", "set", "core.https_address="+address)
	b.incus("remote", "generate-certificate")
	b.incus("config", "trust", "add-certificate", filepath.Join(conf, "client.crt"))
	drilltest.Eventually(t, "the remote to be added", func() string {
		said, err := b.tryIncus("remote", "add", "own", "https://"+address, "--accept-certificate")
		if err != nil {
			return said
		}
		return ""
	})
	b.env, b.args = []string{"INCUS_CONF=" + conf, "INCUS_SOCKET=/nonexistent"}, []string{"-incus-remote", "own"}
	o := b.start("remote", "-keep").End()
	b.verdict(o, reason.ExitPass, reason.None)
	kept := b.sandboxes()
	require.Len(t, kept, 1)
	for _, device := range kept[0].Devices {
		assert.NotEqual(t, "host", device["bind"], "PostgreSQL is reached by a stream, not by a socket of that machine")
	}
	assert.Contains(t, o.Said, "incus exec own:"+kept[0].Name)
	b.incus("delete", "--force", kept[0].Name)
}

// freeAddress is one nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}
