package objectstore

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const probe = "archive/demo/veza-drill-write-probe-x"

// The key that only reads cannot write, the other may, and neither leaves anything behind.
func TestBucket_MayWrite(t *testing.T) {
	s, _ := start(t)
	for _, c := range []struct {
		name, key, secret string
		may               bool
		says              string
	}{
		{"reader", s.ReadKey, s.ReadSecret, false, ""},
		{"writer", s.Key, s.Secret, true, ""},
		{"stranger", "somebody", "guessed", false, "InvalidAccessKeyId"},
		{"forger", s.Key, "guessed", false, "SignatureDoesNotMatch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := location(s)
			at.Key, at.Secret = c.key, c.secret
			b, err := NewBucket(at)
			require.NoError(t, err)
			may, err := b.MayWrite(t.Context(), probe)
			if c.says != "" {
				require.ErrorContains(t, err, c.says)
			} else {
				require.NoError(t, err)
			}
			assert.Equal(t, c.may, may)
			assert.Empty(t, stored(t, s))
		})
	}
}

// stored is everything in a repository.
func stored(t *testing.T, s *Store) []Object {
	t.Helper()
	b, err := NewBucket(location(s))
	require.NoError(t, err)
	list, err := b.List(t.Context())
	require.NoError(t, err)
	return list
}

// A store that answers something else has not said it; one that takes the part for an
// object gives it back.
func TestBucket_MayWriteOddAnswers(t *testing.T) {
	removed := 0
	for _, c := range []struct {
		name   string
		put    int
		remove int
		may    bool
		says   string
	}{
		{"unavailable", http.StatusServiceUnavailable, 0, false, "503"},
		{"redirect", http.StatusTemporaryRedirect, 0, false, "307"},
		{"not found", http.StatusNotFound, 0, false, "404"},
		{"not allowed", http.StatusMethodNotAllowed, 0, false, "405"},
		{"refused by a front", http.StatusForbidden, 0, false, ""},
		{"taken", http.StatusOK, http.StatusNoContent, true, ""},
		{"taken and held", http.StatusOK, http.StatusForbidden, true, "remove it by hand"},
	} {
		t.Run(c.name, func(t *testing.T) {
			removed = 0
			at := answers(t, func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "/backups/repo/"+probe, r.URL.Path)
				if r.Method == http.MethodDelete {
					removed++
					w.WriteHeader(c.remove)
					return
				}
				assert.True(t, r.URL.Query().Has("uploadId"))
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.put)
			})
			b, err := NewBucket(at)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			may, err := b.MayWrite(ctx, probe)
			assert.Equal(t, c.may, may)
			assert.Equal(t, c.remove != 0, removed > 0)
			if c.says == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.says)
			}
		})
	}
}

// answers is a store that does one thing with every request.
func answers(t *testing.T, does http.HandlerFunc) Location {
	t.Helper()
	ca, pair, err := certify("localhost", time.Hour)
	require.NoError(t, err)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: does, ReadHeaderTimeout: time.Minute}
	server.TLSConfig = serverTLS(pair)
	go server.ServeTLS(listener, "", "") //nolint:errcheck // it ends when the server is closed
	t.Cleanup(func() { _ = server.Close() })
	return Location{
		Endpoint: "localhost", Host: "localhost", Port: strconv.Itoa(listener.Addr().(*net.TCPAddr).Port),
		Bucket: "backups", Region: "us-east-1",
		Root: "repo", Key: "somebody", Secret: "whatever", CA: ca, PathStyle: true, VerifyTLS: true,
		Dial: (&net.Dialer{}).DialContext,
	}
}
