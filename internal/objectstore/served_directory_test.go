package objectstore

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serveDirectory serves a small repository, and gives a question to it.
func serveDirectory(t *testing.T) (dir string, ask func(method, path string) (int, string)) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range map[string]string{
		"archive/veza/archive.info": "info", "archive/veza/15-1/0000000100000000/one": "first",
		"archive/veza/15-1/0000000100000000/two": "second", "backup/veza/backup.info": "sets",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	s, err := ServeDirectory(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close(context.Background())) })
	client := clientOf(t, s)
	return dir, func(method, path string) (int, string) {
		status, body := s.do(t, client, s.ReadKey, s.ReadSecret, method, path, nil)
		return status, string(body)
	}
}

// What lies in the directory is listed below a prefix, whole, or no further than to the next slash.
func TestServeDirectory_Lists(t *testing.T) {
	dir, ask := serveDirectory(t)
	status, all := ask(http.MethodGet, "/backups/?list-type=2&prefix=repository%2Farchive%2Fveza%2F15-1%2F")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, all, "<Key>repository/archive/veza/15-1/0000000100000000/one</Key>")
	assert.Contains(t, all, "<Size>6</Size>")
	assert.Equal(t, 2, strings.Count(all, "<Key>"))
	_, level := ask(http.MethodGet, "/backups/?delimiter=%2F&list-type=2&prefix=repository%2Farchive%2Fveza%2F")
	assert.Contains(t, level, "<CommonPrefixes><Prefix>repository/archive/veza/15-1/</Prefix></CommonPrefixes>")
	assert.Equal(t, 1, strings.Count(level, "<Key>"))
	_, begun := ask(http.MethodGet,
		"/backups/?list-type=2&prefix=repository%2Farchive%2Fveza%2F15-1%2F0000000100000000%2Ft")
	assert.Equal(t, 1, strings.Count(begun, "<Key>"))
	status, none := ask(http.MethodGet, "/backups/?list-type=2&prefix=repository%2Fgone%2F")
	assert.Equal(t, http.StatusOK, status)
	assert.NotContains(t, none, "<Key>")

	// A link to the newest backup is no second one, and what lies behind a link is found where it is named.
	require.NoError(t, os.Symlink("15-1", filepath.Join(dir, "archive/veza/latest")))
	_, again := ask(http.MethodGet, "/backups/?list-type=2&prefix=repository%2Farchive%2Fveza%2F")
	assert.Equal(t, 3, strings.Count(again, "<Key>"))
	_, behind := ask(http.MethodGet, "/backups/?list-type=2&prefix=repository%2Farchive%2Fveza%2Flatest%2F")
	assert.Equal(t, 2, strings.Count(behind, "<Key>"))
}

// A file comes whole; nothing is written, and nothing outside of the directory is read.
func TestServeDirectory_OnlyReads(t *testing.T) {
	dir, ask := serveDirectory(t)
	status, body := ask(http.MethodGet, "/backups/repository/archive/veza/15-1/0000000100000000/two")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "second", body)
	status, _ = ask(http.MethodGet, "/backups/repository/archive/veza/gone")
	assert.Equal(t, http.StatusNotFound, status)
	for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodDelete} {
		status, _ = ask(method, "/backups/repository/backup/veza/backup.info")
		assert.Equal(t, http.StatusForbidden, status, method)
	}
	content, err := os.ReadFile(filepath.Join(dir, "backup/veza/backup.info"))
	require.NoError(t, err)
	assert.Equal(t, "sets", string(content))
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(dir), "secret"), []byte("not yours"), 0o600))
	for _, path := range []string{"/backups/repository/../secret", "/backups/repository/%2e%2e/secret"} {
		_, body = ask(http.MethodGet, path)
		assert.NotContains(t, body, "not yours", path)
	}
}

// Without the keys nobody reads what the files' own rights would keep from him.
func TestServeDirectory_AsksForKeys(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o600))
	s, err := ServeDirectory(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close(context.Background())) })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url("/backups/repository/file"), nil)
	require.NoError(t, err)
	answer, err := clientOf(t, s).Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, http.StatusForbidden, answer.StatusCode)
	assert.NotContains(t, string(body), "content")
}
