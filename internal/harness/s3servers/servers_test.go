package s3servers

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/wait"
)

// servers are those there are, with what each says in its own words.
var servers = []struct {
	name       string
	start      func(context.Context, string) (*Server, error)
	wrongKey   string
	noBucket   string // to a key that may use another
	dated      bool   // an old version by its own moment, not by the one it was replaced at
	notAllowed string // a list of another path; "" where a policy cannot forbid it
}{
	{"MinIO", MinIO, "InvalidAccessKeyId", "AccessDenied", true, "AccessDenied"},
	{"VersityGW", VersityGW, "InvalidAccessKeyId", "NoSuchBucket", false, "AccessDenied"},
}

// What the drill asks of a store without pgBackRest is answered alike by each of them: who may write, what is
// listed, what the bucket keeps of a file, and why something is refused.
func TestServers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, c := range servers {
		t.Run(c.name, func(t *testing.T) {
			s, err := c.start(t.Context(), t.TempDir())
			if s != nil {
				t.Cleanup(func() { require.NoError(t, s.Close(context.Background())) })
			}
			require.NoError(t, err)
			require.NoError(t, s.Answers(t.Context(), "127.0.0.1"))
			put(t, s, "backup/demo/backup.info", "one")
			replaced := time.Now().Truncate(time.Second).Add(3 * time.Second)
			require.NoError(t, wait.For(t.Context(), "another second", 20*time.Millisecond, later(replaced)))
			put(t, s, "backup/demo/backup.info", "two")
			put(t, s, "backup/demo/backup.info.copy", "two")
			require.NoError(t, s.Root.Client.RemoveObject(t.Context(), s.Bucket, Repository+"/backup/demo/backup.info",
				minio.RemoveObjectOptions{}))

			reader := open(t, s, func(*objectstore.Location) {})
			list, err := reader.List(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []objectstore.Object{{Name: "backup/demo/backup.info.copy", Size: 3}}, list)
			versions, err := reader.Versions(t.Context(), "backup/demo/backup.info")
			require.NoError(t, err)
			require.Len(t, versions, 3)
			marks := 0
			for _, version := range versions {
				assert.True(t, version.Kept(), "%+v", version)
				if version.Deleted {
					marks++
				}
			}
			assert.Equal(t, 1, marks)
			if c.dated { // by what replaced it a version has the moment of the mark, or a later one
				assert.True(t, versions[0].Deleted, "%+v", versions)
			}
			dated := versions[2].At.Before(replaced.Add(-1500 * time.Millisecond))
			assert.Equal(t, c.dated, dated, "%+v, replaced at %s", versions, replaced)
			may, err := reader.MayWrite(t.Context(), "archive/demo/probe")
			require.NoError(t, err)
			assert.False(t, may)
			may, err = open(t, s, func(at *objectstore.Location) { at.Key, at.Secret = s.Key, s.Secret }).
				MayWrite(t.Context(), "archive/demo/probe")
			require.NoError(t, err)
			assert.True(t, may)

			all := open(t, s, func(at *objectstore.Location) { // a repository at the root of its bucket
				at.Root, at.Key, at.Secret = "", s.Root.Key, s.Root.Secret
			})
			list, err = all.List(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []objectstore.Object{{Name: Repository + "/backup/demo/backup.info.copy", Size: 3}}, list)
			list, err = all.Below(Repository + "/backup").List(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []objectstore.Object{{Name: "demo/backup.info.copy", Size: 3}}, list)
			assert.Equal(t, "two", read(t, all, Repository+"/backup/demo/backup.info.copy", 3))

			put(t, s, "archive/demo/empty", "")
			assert.Empty(t, read(t, reader, "archive/demo/empty", 0))
			_, err = reader.Open(t.Context(), "archive/demo/gone", 0)
			require.ErrorIs(t, err, objectstore.ErrNoObject)

			for _, refused := range []struct {
				word string
				harm func(*objectstore.Location)
			}{
				{c.wrongKey, func(at *objectstore.Location) { at.Key = "somebody" }},
				{"SignatureDoesNotMatch", func(at *objectstore.Location) { at.Secret = "guessed" }},
				{c.noBucket, func(at *objectstore.Location) { at.Bucket = "nothing-here" }},
				{c.notAllowed, func(at *objectstore.Location) { at.Root = "elsewhere" }},
			} {
				_, err = open(t, s, refused.harm).List(t.Context())
				assert.ErrorContains(t, err, refused.word)
			}
		})
	}
}

// later is nil when a moment is over.
func later(than time.Time) func(context.Context) error {
	return func(context.Context) error {
		if time.Now().Before(than) {
			return errors.New("not yet")
		}
		return nil
	}
}

func put(t *testing.T, s *Server, name, content string) {
	t.Helper()
	_, err := s.Root.Client.PutObject(t.Context(), s.Bucket, Repository+"/"+name, strings.NewReader(content),
		int64(len(content)), minio.PutObjectOptions{})
	require.NoError(t, err)
}

func read(t *testing.T, from objectstore.Objects, name string, length int64) string {
	t.Helper()
	content, err := from.Open(t.Context(), name, length)
	require.NoError(t, err)
	defer content.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(content)
	require.NoError(t, err)
	return string(text)
}

// open opens the repository with the key that reads, changed.
func open(t *testing.T, s *Server, change func(*objectstore.Location)) *objectstore.Bucket {
	t.Helper()
	at := objectstore.Location{
		Endpoint: s.Endpoint, Host: s.Endpoint, Port: strconv.Itoa(s.Port), Bucket: s.Bucket, Region: s.Region,
		Root: Repository, Key: s.ReadKey, Secret: s.ReadSecret, CA: s.CA, PathStyle: true, VerifyTLS: true,
		Dial: (&net.Dialer{}).DialContext,
	}
	change(&at)
	bucket, err := objectstore.NewBucket(at)
	require.NoError(t, err)
	return bucket
}
