package objectstore

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a MinIO server is given is a pair that belongs together and is trusted for its name alone.
func TestMinIO_ServesItsName(t *testing.T) {
	m, err := NewMinIO("s3.lab.veza.test", 9000, 24*time.Hour)
	require.NoError(t, err)
	pair, err := tls.X509KeyPair(m.Certificate, m.PrivateKey)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	defer server.Close()
	m.Port = server.Listener.Addr().(*net.TCPAddr).Port

	require.NoError(t, m.Answers(t.Context(), "127.0.0.1"), "404 is an answer")
	other := *m.Store
	other.Endpoint = "localhost"
	var name x509.HostnameError
	require.ErrorAs(t, other.Answers(t.Context(), "127.0.0.1"), &name)
	stranger, err := NewMinIO("s3.lab.veza.test", m.Port, time.Hour)
	require.NoError(t, err)
	require.ErrorContains(t, stranger.Answers(t.Context(), "127.0.0.1"), "certificate")
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(24*time.Hour), leaf.NotAfter, time.Minute)
}

// Credentials stand in the environment file, never in the command line.
func TestMinIO_Secrets(t *testing.T) {
	m, err := NewMinIO("s3.lab.veza.test", 9000, time.Hour)
	require.NoError(t, err)
	argv := strings.Join(m.Argv("minio", "/certs", "/data"), " ")
	assert.Equal(t, "minio server --quiet --certs-dir /certs --address :9000 /data", argv)
	for _, secret := range []string{m.Key, m.Secret} {
		assert.NotContains(t, argv, secret)
		assert.Contains(t, string(m.Environment()), "="+secret+"\n")
	}
}
