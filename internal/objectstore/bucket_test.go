package objectstore

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// location is where a repository in an embedded store is.
func location(s *Store) Location {
	return Location{
		Endpoint: s.Endpoint, Host: s.Endpoint, Port: strconv.Itoa(s.Port), Bucket: s.Bucket, Region: s.Region,
		Root: "repo",
		Key:  s.ReadKey, Secret: s.ReadSecret, CA: s.CA, PathStyle: true, VerifyTLS: true,
		Dial: (&net.Dialer{}).DialContext,
	}
}

// Every object of the repository is listed and read, by who only reads; others are not.
func TestBucket(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "somebody")
	t.Setenv("HTTPS_PROXY", "http://192.0.2.1:1")
	s, c := start(t)
	const objects = 1100 // more than a page
	for i := range objects {
		status, _ := s.do(t, c, s.Key, s.Secret, http.MethodPut, fmt.Sprintf("/%s/repo/a/%04d", s.Bucket, i),
			[]byte("0123456789"))
		require.Equal(t, http.StatusOK, status)
	}
	status, _ := s.do(t, c, s.Key, s.Secret, http.MethodPut, "/"+s.Bucket+"/elsewhere", nil)
	require.Equal(t, http.StatusOK, status)
	dialled := 0
	at := location(s)
	at.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled++
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	b, err := NewBucket(at)
	require.NoError(t, err)
	list, err := b.List(t.Context())
	require.NoError(t, err)
	require.Len(t, list, objects)
	assert.Equal(t, Object{"a/0000", 10}, list[0])
	assert.Positive(t, dialled, "it went through what was given")
	assert.Equal(t, "01234", read(t, b, "a/0001", 5))
	assert.Equal(t, "0123456789", read(t, b, "a/0001", 10))
}

// A repository at the root of its bucket (repo1-path=/) has no slash before its objects' keys.
func TestBucket_AtItsRoot(t *testing.T) {
	s, c := start(t)
	status, _ := s.do(t, c, s.Key, s.Secret, http.MethodPut, "/"+s.Bucket+"/archive/demo/archive.info", []byte("text"))
	require.Equal(t, http.StatusOK, status)
	at := location(s)
	at.Root = ""
	b, err := NewBucket(at)
	require.NoError(t, err)
	for name, from := range map[string]Objects{
		"archive/demo/archive.info": b,
		"demo/archive.info":         b.Below("archive"),
		"archive.info":              b.Below("archive/demo"),
	} {
		list, err := from.List(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []Object{{name, 4}}, list)
		assert.Equal(t, "tex", read(t, from, name, 3))
	}
}

func read(t *testing.T, from Objects, name string, length int64) string {
	t.Helper()
	r, err := from.Open(t.Context(), name, length)
	require.NoError(t, err)
	defer r.Close() //nolint:errcheck // only read
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(content)
}

// What keeps a bucket from being read is an error: nothing read is no object without traces.
func TestBucket_Refused(t *testing.T) {
	s, c := start(t)
	status, _ := s.do(t, c, s.Key, s.Secret, http.MethodPut, "/"+s.Bucket+"/repo/a", []byte("x"))
	require.Equal(t, http.StatusOK, status)
	for _, c := range []struct {
		name string
		harm func(*Location)
		says string
	}{
		{"key", func(l *Location) { l.Key = "somebody" }, "InvalidAccessKeyId"},
		{"secret", func(l *Location) { l.Secret = "guessed" }, "SignatureDoesNotMatch"},
		{"CA", func(l *Location) { l.CA = nil }, "certificate"},
		{"name", func(l *Location) { l.Host = "127.0.0.1" }, "certificate"},
		{"bucket", func(l *Location) { l.Bucket = "nothing-here" }, "NoSuchBucket"},
		{"closed", func(l *Location) { l.Port = "1" }, "connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := location(s)
			c.harm(&at)
			b, err := NewBucket(at)
			if err == nil {
				_, err = b.List(t.Context())
			}
			require.ErrorContains(t, err, c.says)
			assert.NotContains(t, err.Error(), s.ReadSecret)
		})
	}
	own := location(s)
	own.CA = nil
	own.Check = func(tls.ConnectionState) error { return nil }
	checked, err := NewBucket(own)
	require.NoError(t, err)
	_, err = checked.List(t.Context())
	require.NoError(t, err, "its own check decides")
	own.Check = func(tls.ConnectionState) error { return errors.New("not this one") }
	checked, err = NewBucket(own)
	require.NoError(t, err)
	_, err = checked.List(t.Context())
	require.ErrorContains(t, err, "not this one")
	_, err = NewBucket(Location{CA: []byte("none")})
	require.ErrorContains(t, err, "no certificate")
	b, err := NewBucket(location(s))
	require.NoError(t, err)
	r, err := b.Open(t.Context(), "gone", 10)
	if err == nil {
		_, err = io.ReadAll(r)
	}
	require.ErrorIs(t, err, ErrNoObject)
}

// An object that the store lists and does not give is refused, whatever the store's word for it; one that is gone, or a
// store that fails, refuses nothing.
func TestBucket_RefusesAnObject(t *testing.T) {
	const archived = "<Error><Code>InvalidObjectState</Code><Message>The operation is not valid.</Message></Error>"
	for _, c := range []struct {
		status  int
		body    string
		refused bool
	}{
		{http.StatusForbidden, archived, true},
		{http.StatusForbidden, "", true},
		{http.StatusUnauthorized, "", true},
		{http.StatusNotFound, "<Error><Code>NoSuchKey</Code></Error>", false},
		{http.StatusBadRequest, "<Error><Code>InvalidRequest</Code></Error>", false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}))
		t.Cleanup(server.Close)
		host, port, err := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
		require.NoError(t, err)
		b, err := NewBucket(Location{
			Endpoint: host, Host: host, Port: port, Bucket: "backups", Region: "r", Key: "k", Secret: "s",
			PathStyle: true, Plain: true, Dial: (&net.Dialer{}).DialContext,
		})
		require.NoError(t, err)
		r, err := b.Open(t.Context(), "a", 10)
		if err == nil {
			_, err = io.ReadAll(r)
		}
		require.Error(t, err)
		assert.Equal(t, c.refused, errors.Is(err, ErrRefused), "%d: %v", c.status, err)
		if c.body == archived {
			require.ErrorContains(t, err, "object a: InvalidObjectState: The operation is not valid.")
		}
	}
}

// A directory is read in the same way.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a", "b", "c"), bytes.Repeat([]byte("x"), 10), 0o600))
	require.NoError(t, os.Symlink("b", filepath.Join(dir, "a", "latest")))
	list, err := Directory(dir).List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []Object{{"a/b/c", 10}}, list)
	assert.Equal(t, "xxx", read(t, Directory(dir), "a/b/c", 3))
	_, err = Directory(dir).Open(t.Context(), "gone", 1)
	require.ErrorIs(t, err, ErrNoObject)
	_, err = Directory(filepath.Join(dir, "none")).List(t.Context())
	require.Error(t, err)
}

// Whatever of a directory is a link is read through it, as pgBackRest does, and nothing twice.
func TestDirectory_Links(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	stored := filepath.Join(other, "wal", "0000000100000000")
	require.NoError(t, os.MkdirAll(stored, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(stored, "segment"), []byte("text"), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "archive", "demo"), 0o755))
	id := filepath.Join(dir, "archive", "demo", "15-1")
	require.NoError(t, os.Symlink(filepath.Join(other, "wal"), id))
	require.NoError(t, os.Symlink(filepath.Join(stored, "segment"), filepath.Join(dir, "linked")))
	require.NoError(t, os.Symlink(dir, filepath.Join(other, "back"))) // where nothing looks
	require.NoError(t, os.Symlink("..", filepath.Join(dir, "archive", "round")))
	want := []Object{{"archive/demo/15-1/0000000100000000/segment", 4}, {"linked", 4}}

	link := filepath.Join(t.TempDir(), "repository")
	require.NoError(t, os.Symlink(dir, link))
	for _, root := range []string{dir, link} {
		list, err := Directory(root).List(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, list)
	}
	list, err := Directory(dir).Below("archive/demo/15-1").List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []Object{{"0000000100000000/segment", 4}}, list)

	require.NoError(t, os.RemoveAll(filepath.Join(other, "wal"))) // a disk that is not mounted, say
	_, err = Directory(dir).Below("archive/demo").List(t.Context())
	require.ErrorContains(t, err, "15-1 is a link, and what it leads to is not there")
	require.NotErrorIs(t, err, os.ErrNotExist, "it is no directory that was never there")
}

// A set that is not bundled has links to its own tablespaces: what is there is listed once, and one that leads to what
// expire has removed by now is nothing that is missing.
func TestDirectory_TablespaceLinks(t *testing.T) {
	dir := t.TempDir()
	set := filepath.Join(dir, "backup/demo/20261101-000000F")
	links := filepath.Join(set, "pg_data/pg_tblspc")
	stored := filepath.Join(set, "pg_tblspc/16400/PG_17_202406281/5")
	require.NoError(t, os.MkdirAll(links, 0o755))
	require.NoError(t, os.MkdirAll(stored, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(stored, "16401.gz"), []byte("text"), 0o600))
	for _, oid := range []string{"16400", "16500"} { // the second is removed first
		require.NoError(t, os.Symlink("../../pg_tblspc/"+oid, filepath.Join(links, oid)))
	}
	list, err := Directory(dir).List(t.Context())
	require.NoError(t, err)
	const file = "pg_tblspc/16400/PG_17_202406281/5/16401.gz"
	assert.Equal(t, []Object{{"backup/demo/20261101-000000F/" + file, 4}}, list)
	list, err = Directory(dir).Below("backup/demo/20261101-000000F").List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []Object{{file, 4}}, list)
}
