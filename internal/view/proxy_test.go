package view

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// head is how an answer begins.
type head struct {
	StatusCode    int
	ContentLength int64
	Header        http.Header
}

// asker asks for some bytes of what lies at a path, or for all of them.
type asker func(method, path, bytes string) (answer head, body string)

// behindProxy is a proxy in front of a store of one file and one list, and what came to the store.
func behindProxy(t *testing.T) (p *Proxy, ask asker, came *[]string) {
	t.Helper()
	came = &[]string{}
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*came = append(*came, r.Method+" "+r.Host+" "+r.RequestURI+" "+r.Header.Get("Authorization"))
		if r.URL.RawQuery != "" {
			w.Header().Set("Content-Type", "application/xml")
			_, _ = io.WriteString(w, listed)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("0123456789"))
	}))
	t.Cleanup(store.Close)
	transport := &http.Transport{DialContext: dialTo(store.Listener.Addr().String())}
	t.Cleanup(transport.CloseIdleConnections)
	p = NewProxy("http", transport)
	front := httptest.NewServer(p)
	t.Cleanup(front.Close)
	return p, func(method, path, bytes string) (head, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, front.URL+path, nil)
		require.NoError(t, err)
		r.Host = "bucket.store.test"
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 signed")
		if bytes != "" {
			r.Header.Set("Range", "bytes="+bytes)
		}
		answer, err := front.Client().Do(r)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return head{answer.StatusCode, answer.ContentLength, answer.Header}, string(body)
	}, came
}

// dialTo leads every connection to one address.
func dialTo(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
}

const (
	file = "/r/" + segment
	list = "/?list-type=2&prefix=r%2Farchive%2F"
)

// Without a fault what the store says passes as it is, asked under the name that was signed.
func TestProxy_LetsReadsThrough(t *testing.T) {
	p, ask, came := behindProxy(t)
	answer, body := ask(http.MethodGet, file, "")
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	assert.Equal(t, "0123456789", body)
	answer, body = ask(http.MethodGet, file, "2-4")
	assert.Equal(t, http.StatusPartialContent, answer.StatusCode)
	assert.Equal(t, "234", body)
	_, body = ask(http.MethodGet, list, "")
	assert.Equal(t, listed, body)
	assert.Equal(t, "GET bucket.store.test "+list+" AWS4-HMAC-SHA256 signed", (*came)[2])
	assert.Zero(t, p.Met())
}

// Nothing that would write comes to the store, whatever the key may do.
func TestProxy_RefusesWrites(t *testing.T) {
	p, ask, came := behindProxy(t)
	for _, f := range []Fault{{}, {Kind: Hidden, Path: segment}, {Kind: Denied}} {
		p.Break(f)
		for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodPatch} {
			answer, body := ask(method, file, "")
			assert.Equal(t, http.StatusForbidden, answer.StatusCode, method)
			assert.Contains(t, body, "AccessDenied")
		}
	}
	assert.Empty(t, *came)
	assert.Zero(t, p.Met(), "a refused write is no fault that was met")
}

func TestProxy_Hides(t *testing.T) {
	p, ask, _ := behindProxy(t)
	p.Break(Fault{Kind: Hidden, Path: segment})
	answer, body := ask(http.MethodGet, file, "")
	assert.Equal(t, http.StatusNotFound, answer.StatusCode)
	assert.Contains(t, body, "NoSuchKey")
	_, body = ask(http.MethodGet, list, "")
	assert.NotContains(t, body, segment)
	assert.Equal(t, 2, p.Met())
	_, body = ask(http.MethodGet, "/r/another", "")
	assert.Equal(t, "0123456789", body)
	assert.Equal(t, 2, p.Met())
	p.Mend()
	_, body = ask(http.MethodGet, file, "")
	assert.Equal(t, "0123456789", body)
}

func TestProxy_Flips(t *testing.T) {
	p, ask, _ := behindProxy(t)
	p.Break(Fault{Kind: Flipped, Path: segment, At: 3})
	_, body := ask(http.MethodGet, file, "6-9")
	assert.Equal(t, "6789", body, "the byte is not among them")
	assert.Zero(t, p.Met())
	answer, body := ask(http.MethodHead, file, "")
	assert.Equal(t, int64(10), answer.ContentLength)
	assert.Empty(t, body)
	_, body = ask(http.MethodGet, file, "")
	assert.Equal(t, "012\xcc456789", body)
	_, body = ask(http.MethodGet, file, "2-4")
	assert.Equal(t, "2\xcc4", body)
	assert.Equal(t, 2, p.Met())
}

// A cut file is short for every question: whole, in parts, by its head, and on the list.
func TestProxy_Cuts(t *testing.T) {
	p, ask, _ := behindProxy(t)
	p.Break(Fault{Kind: Cut, Path: segment, At: 4})
	answer, body := ask(http.MethodGet, file, "")
	assert.Equal(t, "0123", body)
	assert.Equal(t, int64(4), answer.ContentLength)
	answer, _ = ask(http.MethodHead, file, "")
	assert.Equal(t, int64(4), answer.ContentLength)
	answer, body = ask(http.MethodGet, file, "2-7")
	assert.Equal(t, "23", body)
	assert.Equal(t, "bytes 2-3/4", answer.Header.Get("Content-Range"))
	answer, _ = ask(http.MethodGet, file, "6-7")
	assert.Equal(t, http.StatusRequestedRangeNotSatisfiable, answer.StatusCode)
	assert.Equal(t, 4, p.Met())
	_, body = ask(http.MethodGet, file, "0-3")
	assert.Equal(t, "0123", body)
	assert.Equal(t, 4, p.Met(), "what is left is no fault")
	_, body = ask(http.MethodGet, list, "")
	assert.Contains(t, body, "<Size>4</Size>")
}

func TestProxy_Denies(t *testing.T) {
	p, ask, came := behindProxy(t)
	p.Break(Fault{Kind: Denied})
	for _, path := range []string{file, list} {
		answer, body := ask(http.MethodGet, path, "")
		assert.Equal(t, http.StatusForbidden, answer.StatusCode)
		assert.Contains(t, body, "AccessDenied")
	}
	assert.Empty(t, *came)
	assert.Equal(t, 2, p.Met())
}

// A store that is gone is not there for whoever asks the view either, and that is no fault of the view's.
func TestProxy_StoreIsGone(t *testing.T) {
	transport := &http.Transport{DialContext: dialTo("127.0.0.1:1")}
	p := NewProxy("http", transport)
	p.Break(Fault{Kind: Hidden, Path: segment})
	front := httptest.NewServer(p)
	t.Cleanup(front.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, front.URL+list, nil)
	require.NoError(t, err)
	answer, err := front.Client().Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, http.StatusBadGateway, answer.StatusCode)
	assert.Zero(t, p.Met())
}
