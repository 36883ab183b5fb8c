package bench

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/objectstore"
)

// ends are the two ends of a distance, on a clock that only waiting moves; over waits for its end.
func ends(t *testing.T, roundTrip time.Duration) (client, server net.Conn, over func()) {
	t.Helper()
	client, near := net.Pipe()
	server, far := net.Pipe()
	var work sync.WaitGroup
	work.Go(func() { pass(t.Context(), near, far, roundTrip) })
	return client, server, func() {
		_, _ = client.Close(), server.Close()
		work.Wait()
	}
}

func hear(t *testing.T, from net.Conn, n int) {
	t.Helper()
	_, err := io.ReadFull(from, make([]byte, n))
	require.NoError(t, err)
}

// Each way takes half the round trip; the first bytes also wait for the handshake.
func TestPass_HalfEachWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, over := ends(t, 20*time.Millisecond)
		defer over()
		began := time.Now()
		go client.Write([]byte("hello")) //nolint:errcheck // heard below
		hear(t, server, 5)
		assert.Equal(t, 30*time.Millisecond, time.Since(began), "connected, and there")
		go server.Write([]byte("world")) //nolint:errcheck // heard below
		hear(t, client, 5)
		assert.Equal(t, 40*time.Millisecond, time.Since(began), "and back")
		go client.Write([]byte("again")) //nolint:errcheck // heard below
		hear(t, server, 5)
		assert.Equal(t, 50*time.Millisecond, time.Since(began), "no second handshake")
		require.NoError(t, client.Close())
		_, err := server.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		assert.Equal(t, 60*time.Millisecond, time.Since(began), "the end takes as long")
	})
}

// What is sent at once arrives at once: a distance is no bottleneck.
func TestPass_DoesNotThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, over := ends(t, 20*time.Millisecond)
		defer over()
		began := time.Now()
		const parts, size = 1000, 64 << 10
		go func() {
			for range parts {
				_, _ = client.Write(make([]byte, size)) // heard below
			}
		}()
		hear(t, server, parts*size)
		assert.Equal(t, 30*time.Millisecond, time.Since(began))
	})
}

// When the run ends, nothing is left hanging.
func TestPass_EndsWithTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, near := net.Pipe()
		_, far := net.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { pass(ctx, near, far, 20*time.Millisecond) })
		defer work.Wait()
		go client.Write([]byte("never heard")) //nolint:errcheck // that is the point
		synctest.Wait()
		cancel()
		_, err := client.Read(make([]byte, 1))
		require.Error(t, err)
	})
}

// TLS passes through, both the server's name and a signed answer, and Close ends a
// connection that is still open. The objects are those of a directory.
func TestDistance_TLSToAShelf(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "repo", "archive"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "repo", "archive", "a"), []byte("0123456789"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "repo", "b"), []byte("b"), 0o600))
	require.NoError(t, os.Symlink("archive", filepath.Join(dir, "repo", "latest")))
	objects, err := newShelf(dir)
	require.NoError(t, err)
	store, err := objectstore.Serve(t.Context(), objects)
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close(context.WithoutCancel(t.Context())) })
	far, err := NewDistance(t.Context(), store.Port, time.Millisecond)
	require.NoError(t, err)
	at := objectstore.Location{
		Endpoint: store.Endpoint, Host: store.Endpoint, Port: strconv.Itoa(far.Port), Bucket: store.Bucket,
		Region: store.Region, Root: "repo", Key: store.ReadKey, Secret: store.ReadSecret, CA: store.CA,
		PathStyle: true, VerifyTLS: true, Dial: (&net.Dialer{}).DialContext,
	}
	bucket, err := objectstore.NewBucket(at)
	require.NoError(t, err)
	list, err := bucket.List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []objectstore.Object{{Name: "archive/a", Size: 10}, {Name: "b", Size: 1}}, list)
	for length, want := range map[int64]string{4: "0123", 64: "0123456789", 0: ""} {
		object, unread := bucket.Open(t.Context(), "archive/a", length)
		require.NoError(t, unread)
		content, unread := io.ReadAll(object)
		require.NoError(t, unread)
		require.NoError(t, object.Close())
		assert.Equal(t, want, string(content))
	}
	missing, err := bucket.Open(t.Context(), "archive/none", 1)
	if err == nil {
		_, err = io.ReadAll(missing)
	}
	require.ErrorIs(t, err, objectstore.ErrNoObject)
	open := openTLS(t, far.Port, store.CA)
	require.NoError(t, far.Close())
	_, err = open.Read(make([]byte, 1))
	require.Error(t, err, "the distance is gone")
}

func openTLS(t *testing.T, port int, ca []byte) net.Conn {
	t.Helper()
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(ca))
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(t.Context(), "tcp", net.JoinHostPort("localhost", strconv.Itoa(port)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
