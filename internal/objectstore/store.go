// Package objectstore is the S3 server a seeded repository lives in: where it
// is, who may use it, and how it is trusted. Embedded runs one in this process,
// MinIO is what one on another machine is made from.
package objectstore

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
)

// Store is a bucket somebody can reach, and what is needed to do so.
type Store struct {
	// Endpoint is the server's name: a DNS name, since pgBackRest before 2.53
	// accepts no address in a certificate (facts A1).
	Endpoint string
	Port     int
	CA       []byte // PEM of the authority that signed the server's certificate
	Bucket   string
	Region   string
	Key      string // access key id of whoever backs up
	Secret   string // secret access key; never to be logged
	// ReadKey and ReadSecret may list and read the repository, and nothing else: the
	// drill's. Empty where there is only the other pair.
	ReadKey, ReadSecret string

	stop func(context.Context) error
}

// bucketName is that of every bucket made here.
const bucketName = "backups"

// invent makes up credentials for a store that will be reached by a name.
func invent(endpoint string) *Store {
	s := &Store{Endpoint: endpoint, Bucket: bucketName, Region: "us-east-1"}
	s.Key, s.Secret = Credentials()
	return s
}

// Credentials are a pair of keys nobody else has.
func Credentials() (key, secret string) { return "drill" + rand.Text()[:15], rand.Text() + rand.Text() }

// Answers is nil when the server answers at an address ("" for its own name), with
// a certificate for its name that its authority signed. It proves nothing of the credentials.
func (s *Store) Answers(ctx context.Context, address string) error {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CA) {
		return errors.New("the object store's authority is no certificate")
	}
	port := strconv.Itoa(s.Port)
	dial := func(ctx context.Context, network, named string) (net.Conn, error) {
		var d net.Dialer
		if address != "" {
			named = net.JoinHostPort(address, port)
		}
		return d.DialContext(ctx, network, named)
	}
	transport := &http.Transport{
		DialContext:     dial,
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+net.JoinHostPort(s.Endpoint, port)+"/", nil)
	if err != nil {
		return err
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("object store %s: %w", r.URL.Host, err)
	}
	if err := answer.Body.Close(); err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("object store %s: %s", r.URL.Host, answer.Status)
	}
	return nil
}

// OnClose says how to end a server that somebody else started.
func (s *Store) OnClose(stop func(context.Context) error) { s.stop = stop }

// Close ends the server and forgets what it holds; requests under way have a
// moment to end. It may be called twice, and on a store that runs elsewhere it does nothing.
func (s *Store) Close(ctx context.Context) error {
	if s == nil || s.stop == nil {
		return nil
	}
	stop := s.stop
	s.stop = nil
	return stop(ctx)
}
