package objectstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// bindTries is how many ports are tried until one is free on both loopback addresses.
const bindTries = 10

// embeddedLife is how long the certificates are good: much longer than any run.
const embeddedLife = 7 * 24 * time.Hour

// grace is how long requests under way may take when the store is closed.
const grace = 2 * time.Second

// Feature is what an embedded store has that it has not by default.
type Feature int

// Versions lets the bucket keep the versions of its objects.
const Versions Feature = 1

// Embedded starts an S3 server in this process, behind TLS, reachable as
// localhost only. It holds its objects in memory, and answers 403 to whoever
// does not sign with one of its pairs of keys, or writes with the one that only reads.
func Embedded(ctx context.Context, features ...Feature) (*Store, error) {
	backend := s3mem.New()
	if err := backend.CreateBucket(bucketName); err != nil {
		return nil, fmt.Errorf("embedded object store: %w", err)
	}
	if slices.Contains(features, Versions) {
		var on gofakes3.VersioningConfiguration
		on.SetEnabled(true)
		if err := backend.SetVersioningConfiguration(bucketName, on); err != nil {
			return nil, fmt.Errorf("embedded object store: %w", err)
		}
	}
	return Serve(ctx, newestFirst{backend})
}

// Serve is Embedded over the objects of somebody else, whose only bucket has the usual name.
func Serve(ctx context.Context, backend gofakes3.Backend) (*Store, error) {
	s := invent("localhost")
	s.ReadKey, s.ReadSecret = Credentials()
	users := map[string]user{s.Key: {secret: s.Secret}, s.ReadKey: {secret: s.ReadSecret, reads: true}}
	if err := s.front(ctx, signed(users, gofakes3.New(backend).Server())); err != nil {
		return nil, fmt.Errorf("embedded object store: %w", err)
	}
	return s, nil
}

// serve answers on every listener; the function it returns ends that.
func serve(server *http.Server, listeners []net.Listener) func(context.Context) error {
	var serving sync.WaitGroup
	for _, l := range listeners {
		serving.Go(func() { server.ServeTLS(l, "", "") }) //nolint:errcheck // it ends when the server is closed
	}
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, grace)
		defer cancel()
		err := server.Shutdown(ctx)
		if err != nil { // somebody holds on: cut off
			err = server.Close()
		}
		serving.Wait()
		return err
	}
}

// Listen opens one free port on 127.0.0.1 and, where the machine has it, on
// ::1: localhost may mean either, and clients need not try both.
func Listen(ctx context.Context) ([]net.Listener, error) {
	var config net.ListenConfig
	var last error
	for range bindTries {
		four, err := config.Listen(ctx, "tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		port := strconv.Itoa(four.Addr().(*net.TCPAddr).Port)
		six, err := config.Listen(ctx, "tcp6", net.JoinHostPort("::1", port))
		if err == nil {
			return []net.Listener{four, six}, nil
		}
		if !taken(err) { // no IPv6 here
			return []net.Listener{four}, nil
		}
		last = errors.Join(err, four.Close())
	}
	return nil, last
}
