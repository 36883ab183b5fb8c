package objectstore

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"
)

// MinIO is what a MinIO server is made from that serves a Store on a machine of
// its own: the caller puts the files there and runs the program.
type MinIO struct {
	*Store
	Certificate []byte // PEM, for public.crt in the directory of certificates
	PrivateKey  []byte // PEM, for private.key beside it; a secret
}

// NewMinIO makes up credentials and certificates of a server that clients reach as
// endpoint (a DNS name) and port; the certificates are good for a lifetime.
func NewMinIO(endpoint string, port int, lifetime time.Duration) (*MinIO, error) {
	s := invent(endpoint)
	s.Port = port
	ca, server, err := certify(endpoint, lifetime)
	if err != nil {
		return nil, fmt.Errorf("certificates for %s: %w", endpoint, err)
	}
	s.CA = ca
	key, err := x509.MarshalECPrivateKey(server.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		return nil, fmt.Errorf("certificates for %s: %w", endpoint, err)
	}
	return &MinIO{
		Store:       s,
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Leaf.Raw}),
		PrivateKey:  pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key}),
	}, nil
}

// Environment is the content of the server's environment file, which holds the
// credentials: command lines can be read by everybody.
func (m *MinIO) Environment() []byte {
	return fmt.Appendf(nil,
		"MINIO_ROOT_USER=%s\nMINIO_ROOT_PASSWORD=%s\nMINIO_REGION=%s\nMINIO_BROWSER=off\nMINIO_UPDATE=off\n", m.Key,
		m.Secret, m.Region)
}

// Argv is the server's command line, given the directory of its certificates and
// that of its data. The bucket is a directory in the latter, made beforehand.
func (m *MinIO) Argv(program, certificates, data string) []string {
	return []string{
		program,
		"server",
		"--quiet",
		"--certs-dir",
		certificates,
		"--address",
		fmt.Sprintf(":%d", m.Port),
		data,
	}
}
