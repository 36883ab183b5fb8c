package objectstore

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/wait"
)

// start starts a store and a client that trusts it.
func start(t *testing.T, features ...Feature) (*Store, *http.Client) {
	t.Helper()
	s, err := Embedded(t.Context(), features...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close(context.Background())) })
	return s, clientOf(t, s)
}

// clientOf is a client that trusts a store.
func clientOf(t *testing.T, s *Store) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(s.CA))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

func (s *Store) url(path string) string {
	return "https://" + net.JoinHostPort(s.Endpoint, strconv.Itoa(s.Port)) + path
}

// do sends one request, signed with key and secret, and returns status and body.
func (s *Store) do(t *testing.T, c *http.Client, key, secret, method, path string, body []byte) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url(path), bytes.NewReader(body))
	require.NoError(t, err)
	r.RequestURI, r.Header = r.URL.RequestURI(), http.Header{}
	date := time.Now().UTC().Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", date)
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	scope, headers := date[:8]+"/"+s.Region+"/s3/aws4_request", []string{"host", "x-amz-content-sha256", "x-amz-date"}
	signature := sign(r, secret, scope, headers)
	r.Header.Set(
		"Authorization",
		fmt.Sprintf("%s Credential=%s/%s,SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=%s",
			algorithm, key, scope, signature),
	)
	r.RequestURI = ""
	answer, err := c.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close() //nolint:errcheck // only read
	content, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, content
}

// What is put is what is got, by many at once.
func TestEmbedded_ManyAtOnce(t *testing.T) {
	s, c := start(t)
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			path := fmt.Sprintf("/%s/dir/object-%d", s.Bucket, i)
			body := bytes.Repeat([]byte{byte(i)}, 1<<16)
			status, _ := s.do(t, c, s.Key, s.Secret, http.MethodPut, path, body)
			assert.Equal(t, http.StatusOK, status)
			status, content := s.do(t, c, s.Key, s.Secret, http.MethodGet, path, nil)
			assert.Equal(t, http.StatusOK, status)
			assert.Equal(t, body, content)
			status, _ = s.do(t, c, s.Key, s.Secret, http.MethodGet,
				"/"+s.Bucket+"?list-type=2&prefix=dir%2F&delimiter=%2F", nil)
			assert.Equal(t, http.StatusOK, status)
		})
	}
	clients.Wait()
}

// A listing of more than a page loses nothing: a lost name would look like a hole in the archive.
func TestEmbedded_ListingIsComplete(t *testing.T) {
	s, c := start(t)
	const objects = 2100
	for i := range objects {
		status, _ := s.do(t, c, s.Key, s.Secret, http.MethodPut, fmt.Sprintf("/%s/a/%06d", s.Bucket, i), nil)
		require.Equal(t, http.StatusOK, status)
	}
	seen, token := 0, ""
	for {
		_, body := s.do(t, c, s.Key, s.Secret, http.MethodGet, "/"+s.Bucket+"?"+token+"list-type=2&prefix=a%2F", nil)
		var page struct {
			Contents              []struct{ Key string }
			NextContinuationToken string
		}
		require.NoError(t, xml.Unmarshal(body, &page))
		for _, object := range page.Contents {
			require.Equal(t, fmt.Sprintf("a/%06d", seen), object.Key)
			seen++
		}
		if page.NextContinuationToken == "" {
			break
		}
		token = "continuation-token=" + url.QueryEscape(page.NextContinuationToken) + "&"
	}
	assert.Equal(t, objects, seen)
}

// Whoever has not key and secret gets 403, with the code Amazon gives it.
func TestEmbedded_WrongCredentials(t *testing.T) {
	s, c := start(t)
	for _, wrong := range []struct{ name, key, secret, code string }{
		{"key", "somebody", s.Secret, "InvalidAccessKeyId"},
		{"secret", s.Key, "guessed", "SignatureDoesNotMatch"},
	} {
		t.Run("wrong="+wrong.name, func(t *testing.T) {
			status, body := s.do(t, c, wrong.key, wrong.secret, http.MethodGet, "/"+s.Bucket+"/object", nil)
			assert.Equal(t, http.StatusForbidden, status)
			assert.Contains(t, string(body), "<Code>"+wrong.code+"</Code>")
		})
	}
	for _, header := range []string{
		"", "Basic abc", algorithm + " Credential=" + s.Key,
		algorithm + " Credential=a/b/c/d/e, Signature=",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url("/"+s.Bucket), nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", header)
		answer, err := c.Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		assert.Equal(t, http.StatusForbidden, answer.StatusCode, header)
	}
}

// The pair of keys for the drill reads and lists, and writes and deletes nothing.
func TestEmbedded_ReadingPairOnlyReads(t *testing.T) {
	s, c := start(t)
	object := "/" + s.Bucket + "/object"
	status, _ := s.do(t, c, s.Key, s.Secret, http.MethodPut, object, []byte("kept"))
	require.Equal(t, http.StatusOK, status)
	for _, path := range []string{object, "/" + s.Bucket + "?list-type=2"} {
		status, _ = s.do(t, c, s.ReadKey, s.ReadSecret, http.MethodGet, path, nil)
		assert.Equal(t, http.StatusOK, status, path)
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPost} {
		status, body := s.do(t, c, s.ReadKey, s.ReadSecret, method, object, []byte("changed"))
		assert.Equal(t, http.StatusForbidden, status, method)
		assert.Contains(t, string(body), "<Code>AccessDenied</Code>", method)
	}
	_, content := s.do(t, c, s.Key, s.Secret, http.MethodGet, object, nil)
	assert.Equal(t, "kept", string(content))
}

// Only its own authority vouches for the store, and only for the name localhost.
func TestEmbedded_Certificate(t *testing.T) {
	s, _ := start(t)
	address := net.JoinHostPort(s.Endpoint, strconv.Itoa(s.Port))
	_, err := (&tls.Dialer{}).DialContext(t.Context(), "tcp", address)
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA)
	_, err = (&tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: "minio.example"}}).DialContext(t.Context(),
		"tcp", address)
	var name x509.HostnameError
	require.ErrorAs(t, err, &name)
}

// A closed store is gone: its port, its goroutines, however clients hold on to it.
func TestClose_LeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := Embedded(t.Context())
	require.NoError(t, err)
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port))
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // never used
	require.NoError(t, s.Close(t.Context()), "a client that says nothing is cut off in the end")
	require.NoError(t, s.Close(t.Context()), "twice is fine")
	_, err = net.Dial("tcp", address)
	require.Error(t, err)
	patient, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, wait.For(patient, "goroutines to end", 10*time.Millisecond, func(context.Context) error {
		if n := runtime.NumGoroutine(); n > before {
			return fmt.Errorf("%d, before it were %d", n, before)
		}
		return nil
	}))
	require.NoError(t, (*Store)(nil).Close(t.Context()), "no store needs no closing")
}
