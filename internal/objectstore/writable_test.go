package objectstore

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	keys "github.com/minio/minio-go/v7/pkg/credentials"
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
			at := location(s, "repo")
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
	b, err := NewBucket(location(s, "repo"))
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

// The same on MinIO, which has policies and keeps versions: the answer comes from the policy,
// and no version and no upload is left.
func TestBucket_MayWriteOnMinIO(t *testing.T) {
	m, root := startMinIO(t)
	client, err := minio.New(net.JoinHostPort(m.Endpoint, strconv.Itoa(m.Port)), &minio.Options{
		Creds: keys.NewStaticV4(root.Key, root.Secret,
			""), Secure: true, Transport: trusting(m.CA), Region: m.Region, BucketLookup: minio.BucketLookupPath,
	})
	require.NoError(t, err)
	require.NoError(t, client.EnableVersioning(t.Context(), m.Bucket))
	session, err := keys.NewSTSAssumeRole(
		"https://"+net.JoinHostPort(m.Endpoint, strconv.Itoa(m.Port)),
		keys.STSAssumeRoleOptions{
			AccessKey: m.Key, SecretKey: m.Secret, DurationSeconds: 900, Location: m.Region,
			Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
				`"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::` + m.Bucket + `/*"]}]}`,
		},
	)
	require.NoError(t, err)
	lent, err := session.GetWithContext(&keys.CredContext{Client: &http.Client{Transport: trusting(m.CA)}})
	require.NoError(t, err)
	for _, c := range []struct {
		name, key, secret, token string
		may                      bool
	}{
		{"reader", m.ReadKey, m.ReadSecret, "", false},
		{"writer", m.Key, m.Secret, "", true},
		{"a writer's session that only reads", lent.AccessKeyID, lent.SecretAccessKey, lent.SessionToken, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := location(m.Store, repositoryPath)
			at.Key, at.Secret, at.Token = c.key, c.secret, c.token
			b, err := NewBucket(at)
			require.NoError(t, err)
			may, err := b.MayWrite(t.Context(), probe)
			require.NoError(t, err)
			assert.Equal(t, c.may, may)
		})
	}
	for object := range client.ListObjects(t.Context(), m.Bucket,
		minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		assert.Fail(t, "left in the bucket", "%+v", object)
	}
	for upload := range client.ListIncompleteUploads(t.Context(), m.Bucket, "", true) {
		assert.Fail(t, "left an upload", "%+v", upload)
	}
}

// startMinIO starts the real server with the two users of a repository; root is its owner.
func startMinIO(t *testing.T) (m *MinIO, root Store) {
	t.Helper()
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	program := filepath.Join(home, ".cache", "veza-drill", "bin", "minio")
	if _, err = os.Stat(program); err != nil {
		t.Skip("no MinIO here: make minio builds it")
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	m, err = NewMinIO("localhost", port, time.Hour)
	require.NoError(t, err)
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"public.crt": m.Certificate, "private.key": m.PrivateKey,
		"env": m.Environment(),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	argv := m.Argv(program, dir, filepath.Join(dir, "data"))
	server := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	server.Env = append(os.Environ(), "MINIO_CONFIG_ENV_FILE="+filepath.Join(dir, "env"))
	require.NoError(t, server.Start())
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	root = *m.Store
	require.NoError(t, m.Admit(t.Context(), (&net.Dialer{}).DialContext))
	return m, root
}
