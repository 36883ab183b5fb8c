package pgbackrest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A certificate without other names is judged by its common name, as pgBackRest does; one that has some is not.
func TestCheckCertificate(t *testing.T) {
	for name, c := range map[string]struct {
		of     x509.Certificate
		says   string // "": it is accepted
		signed bool
	}{
		"by its name":             {x509.Certificate{DNSNames: []string{"s3.veza.test"}}, "", true},
		"by a wildcard":           {x509.Certificate{DNSNames: []string{"*.veza.test"}}, "", true},
		"by its common name":      {called("s3.veza.test"), "", true},
		"in capitals":             {called("S3.Veza.Test"), "", true},
		"common name, wildcard":   {called("*.veza.test"), "", true},
		"wildcard of no host":     {called("*.s3.veza.test"), "not valid for any names", true},
		"wildcard of more":        {called("*.test"), "not valid for any names", true},
		"another common name":     {called("other"), "not valid for any names", true},
		"no name at all":          {x509.Certificate{}, "not valid for any names", true},
		"the name, nobody signed": {called("s3.veza.test"), "unknown authority", false},
		"another name, and the common name is not looked at": {
			x509.Certificate{Subject: pkix.Name{CommonName: "s3.veza.test"}, DNSNames: []string{"other"}},
			"valid for other", true,
		},
		"an address, and the common name is not looked at": {
			x509.Certificate{
				Subject: pkix.Name{CommonName: "s3.veza.test"}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)},
			}, "not valid for any names", true,
		},
	} {
		leaf := selfSigned(t, c.of)
		roots := x509.NewCertPool()
		if c.signed {
			roots.AddCert(leaf)
		}
		err := CheckCertificate(tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}, "s3.veza.test", roots)
		if c.says == "" {
			require.NoError(t, err, name)
			continue
		}
		assert.ErrorContains(t, err, c.says, name)
	}
}

// called is a certificate with a common name alone.
func called(name string) x509.Certificate {
	return x509.Certificate{Subject: pkix.Name{CommonName: name}}
}

func selfSigned(t *testing.T, of x509.Certificate) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	of.SerialNumber, of.NotBefore, of.NotAfter = big.NewInt(1), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	raw, err := x509.CreateCertificate(rand.Reader, &of, &of, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	return leaf
}
