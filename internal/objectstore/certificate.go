package objectstore

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"syscall"
	"time"
)

// leeway is how far a client's clock may be behind.
const leeway = time.Hour

// certify makes an authority and a certificate of it for a DNS name, good for a
// lifetime. The authority's key is forgotten: it signs nothing else.
func certify(name string, lifetime time.Duration) (ca []byte, server tls.Certificate, err error) {
	until := time.Now().Add(lifetime)
	authority, authorityKey, err := issue(&x509.Certificate{
		Subject: pkix.Name{
			CommonName: "restore drill",
		}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: until,
	}, nil, nil)
	if err != nil {
		return nil, server, err
	}
	leaf, key, err := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotAfter: until,
	}, authority, authorityKey)
	if err != nil {
		return nil, server, err
	}
	ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw})
	return ca, tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// issue makes a key and signs a certificate for it, by itself when parent is nil.
func issue(
	template, parent *x509.Certificate,
	parentKey *ecdsa.PrivateKey,
) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, nil, err
	}
	template.NotBefore = time.Now().Add(-leeway)
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	return certificate, key, err
}

// taken says whether a listener failed because somebody else has the port.
func taken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
