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
	address := free(t)
	before := setAddress(t, server, address)
	t.Cleanup(func() { setAddress(t, server, before) })

	certificate, key, err := localtls.GenerateMemCert(true, false)
	require.NoError(t, err)
	block, _ := pem.Decode(certificate)
	require.NotNil(t, block)
	fingerprint, err := localtls.CertFingerprintStr(string(certificate))
	require.NoError(t, err)
	require.NoError(t, server.CreateCertificate(api.CertificatesPost{
		CertificatePut: api.CertificatePut{Name: "veza-test", Type: "client", Certificate: base64.StdEncoding.EncodeToString(block.Bytes)},
	}))
	t.Cleanup(func() { assert.NoError(t, server.DeleteCertificate(fingerprint)) })
	info, _, err := server.GetServer()
	require.NoError(t, err)

	const name = "tested"
	conf := t.TempDir()
	t.Setenv("INCUS_CONF", conf)
	require.NoError(t, os.Mkdir(filepath.Join(conf, "servercerts"), 0o700))
	for file, content := range map[string]string{
		"config.yml":                   fmt.Sprintf("remotes:\n  %s:\n    addr: https://%s\n    protocol: incus\n", name, address),
		"client.crt":                   string(certificate),
		"client.key":                   string(key),
		"servercerts/" + name + ".crt": info.Environment.Certificate,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(conf, file), []byte(content), 0o600))
	}
	return name
}

// setAddress makes the daemon listen at an address, and returns the one it had.
func setAddress(t *testing.T, server client.InstanceServer, address string) string {
	t.Helper()
	info, etag, err := server.GetServer()
	require.NoError(t, err)
	before := info.Config[addressKey]
	change := info.Writable()
	change.Config[addressKey] = address
	require.NoError(t, server.UpdateServer(change, etag))
	return before
}

// free is an address of this machine that nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}
