package incustest

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	client "github.com/lxc/incus/v6/client"
	"github.com/lxc/incus/v6/shared/api"
	localtls "github.com/lxc/incus/v6/shared/tls"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const addressKey = "core.https_address"

// Remote makes the daemon of this machine reachable over HTTPS, by the name it returns and
// with a certificate of its own, until the test ends; then all is as it was before.
func Remote(t *testing.T) string {
	t.Helper()
	server, err := client.ConnectIncusUnix("", nil)
	require.NoError(t, err)
	address := listen(t, server)

	certificate, key, err := localtls.GenerateMemCert(true, false)
	require.NoError(t, err)
	block, _ := pem.Decode(certificate)
	require.NotNil(t, block)
	fingerprint, err := localtls.CertFingerprintStr(string(certificate))
	require.NoError(t, err)
	require.NoError(t, server.CreateCertificate(api.CertificatesPost{
		CertificatePut: api.CertificatePut{
			Name:        "veza-test",
			Type:        "client",
			Certificate: base64.StdEncoding.EncodeToString(block.Bytes),
		},
	}))
	t.Cleanup(func() { assert.NoError(t, server.DeleteCertificate(fingerprint)) })
	info, _, err := server.GetServer()
	require.NoError(t, err)

	const name = "tested"
	conf := t.TempDir()
	t.Setenv("INCUS_CONF", conf)
	require.NoError(t, os.Mkdir(filepath.Join(conf, "servercerts"), 0o700))
	for file, content := range map[string]string{
		"config.yml": fmt.Sprintf("remotes:\n  %s:\n    addr: https://%s\n    protocol: "+
			"incus\n", name, address),
		"client.crt":                   string(certificate),
		"client.key":                   string(key),
		"servercerts/" + name + ".crt": info.Environment.Certificate,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(conf, file), []byte(content), 0o600))
	}
	return name
}

// listen is where the daemon can be reached: at the address it listens at already, which is
// somebody else's and stays, or at one of this test's.
func listen(t *testing.T, server client.InstanceServer) string {
	t.Helper()
	info, _, err := server.GetServer()
	require.NoError(t, err)
	if address := info.Config[addressKey]; address != "" {
		host, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		return net.JoinHostPort(host, port)
	}
	address := free(t)
	setAddress(t, server, address)
	t.Cleanup(func() { setAddress(t, server, "") })
	return address
}

func setAddress(t *testing.T, server client.InstanceServer, address string) {
	t.Helper()
	info, etag, err := server.GetServer()
	require.NoError(t, err)
	change := info.Writable()
	change.Config[addressKey] = address
	require.NoError(t, server.UpdateServer(change, etag))
}

// free is an address of this machine that nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}
