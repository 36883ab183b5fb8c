package objectstore

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Front serves a handler behind TLS with a certificate of its own, reachable as localhost only. What is returned
// says where, and how it is trusted; it has no bucket and no keys: who may ask is the handler's affair.
func Front(ctx context.Context, handler http.Handler) (*Store, error) {
	s := &Store{Endpoint: "localhost"}
	return s, s.front(ctx, handler)
}

// front has the store answer with a handler, under its own name.
func (s *Store) front(ctx context.Context, handler http.Handler) error {
	ca, certificate, err := certify(s.Endpoint, embeddedLife)
	if err != nil {
		return err
	}
	listeners, err := Listen(ctx)
	if err != nil {
		return err
	}
	s.CA, s.Port = ca, listeners[0].Addr().(*net.TCPAddr).Port
	s.stop = serve(&http.Server{
		Handler:           handler,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ErrorLog:          log.New(io.Discard, "", 0), // a client that hangs up is no news
		ReadHeaderTimeout: time.Minute,
	}, listeners)
	return nil
}
