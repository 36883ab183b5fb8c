package acceptance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/objectstore"
)

// store is the S3 server of a seed, reached directly or through a proxy.
type store struct {
	*objectstore.Store
	handler http.Handler
}

// newStore makes the handler by which proxies reach a store: requests pass as they are, their
// signature covers the name of the host.
func newStore(s *objectstore.Store) *store {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA)
	target := &url.URL{Scheme: "https", Host: net.JoinHostPort(s.Endpoint, strconv.Itoa(s.Port))}
	return &store{Store: s, handler: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
		ErrorLog:  log.New(io.Discard, "", 0), // a client that hangs up is no news
	}}
}

// behaviour is what a proxy makes of a request; store answers as the store would.
type behaviour func(w http.ResponseWriter, r *http.Request, store http.Handler)

// identity is a certificate that signs itself.
type identity struct {
	name  string
	until time.Time
}

func (i identity) issue(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: i.name}, DNSNames: []string{
			i.name,
		},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: i.until, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{
			x509.ExtKeyUsageServerAuth,
		},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{
		Certificate: [][]byte{raw}, PrivateKey: key,
	}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
}

var (
	localhost = identity{"localhost", time.Now().Add(time.Hour)}
	another   = identity{"store.example", time.Now().Add(time.Hour)}
	expired   = identity{"localhost", time.Now().Add(-24 * time.Hour)}
)

// viaProxy puts a server before the store of a case, and its conf behind it.
func viaProxy(as identity, does behaviour) func(*repoCopy) {
	return func(rc *repoCopy) {
		certificate, ca := as.issue(rc.t)
		server := &http.Server{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				does(w, r,
					rc.seed.store.handler)
			}),
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
			ErrorLog:  log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
		}
		listener := listen(rc)
		go server.ServeTLS(listener, "", "") //nolint:errcheck // it ends when the server is closed
		rc.t.Cleanup(func() { _ = server.Close() })
		require.NoError(rc.t, os.WriteFile(rc.file("etc/front.crt"), ca, 0o644))
		rc.set("repo1-storage-ca-file", rc.file("etc/front.crt"))
	}
}

// listen takes a free port of this machine and makes the conf name it.
func listen(rc *repoCopy) net.Listener {
	listener, err := (&net.ListenConfig{}).Listen(rc.t.Context(), "tcp4", "127.0.0.1:0")
	require.NoError(rc.t, err)
	rc.t.Cleanup(func() { _ = listener.Close() })
	rc.set("repo1-storage-port", strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	return listener
}

// tcp is a server that speaks no TLS: it does one thing with each connection.
func tcp(does func(net.Conn)) func(*repoCopy) {
	return func(rc *repoCopy) {
		listener := listen(rc)
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				does(conn)
			}
		}()
	}
}
