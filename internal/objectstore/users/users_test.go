package users

import (
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

	"veza.fr/recovery/internal/objectstore"
)

// MinIO has policies and keeps versions: whether a key may write comes from its policy, and no
// version and no upload is left.
func TestAdmit_WhoMayWrite(t *testing.T) {
	m, root := startMinIO(t)
	client, err := minio.New(net.JoinHostPort(m.Endpoint, strconv.Itoa(m.Port)), &minio.Options{
		Creds: keys.NewStaticV4(root.Key, root.Secret,
			""), Secure: true, Transport: trusting(m.CA, nil), Region: m.Region, BucketLookup: minio.BucketLookupPath,
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
	lent, err := session.GetWithContext(&keys.CredContext{Client: &http.Client{Transport: trusting(m.CA, nil)}})
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
			b, err := objectstore.NewBucket(objectstore.Location{
				Endpoint: m.Endpoint, Host: m.Endpoint, Port: strconv.Itoa(m.Port), Bucket: m.Bucket, Region: m.Region,
				Root: repositoryPath, Key: c.key, Secret: c.secret, Token: c.token,
				CA: m.CA, PathStyle: true, VerifyTLS: true, Dial: (&net.Dialer{}).DialContext,
			})
			require.NoError(t, err)
			may, err := b.MayWrite(t.Context(), "archive/demo/veza-drill-write-probe-x")
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
func startMinIO(t *testing.T) (m *objectstore.MinIO, root objectstore.Store) {
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
	m, err = objectstore.NewMinIO("localhost", port, time.Hour)
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
	require.NoError(t, Admit(t.Context(), m, (&net.Dialer{}).DialContext))
	return m, root
}
