package view

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
)

// Proxy stands in front of an object store and lets reads through, signed as they are: it needs no keys. One fault
// at a time can be put into what comes back. Whatever would write is refused here, and never reaches the store.
type Proxy struct {
	store httputil.ReverseProxy

	mu    sync.Mutex
	fault Fault
	met   int
}

// NewProxy is a proxy in front of what a transport leads to. The requests keep the name they were signed for.
func NewProxy(scheme string, transport http.RoundTripper) *Proxy {
	p := &Proxy{}
	p.store = httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = scheme, r.In.Host
			r.Out.URL.RawQuery = r.In.URL.RawQuery
			r.Out.Host = r.In.Host
		},
		Transport:      transport,
		ModifyResponse: p.spoil,
		ErrorLog:       log.New(io.Discard, "", 0), // whoever asked is told
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			fail(w, http.StatusBadGateway, "ServiceUnavailable", "The store behind the view: "+err.Error())
		},
	}
	return p
}

// Break puts a fault into what is read from now on, in the place of the one before.
func (p *Proxy) Break(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.met = f, 0
}

// Mend takes the fault away.
func (p *Proxy) Mend() { p.Break(Fault{}) }

// Met is how many answers held the fault since it was put there: without one, nobody can have found it.
func (p *Proxy) Met() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.met
}

// Current is the fault that is in what is read now.
func (p *Proxy) Current() Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

// count counts an answer with a fault, unless that was replaced meanwhile.
func (p *Proxy) count(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == f {
		p.met++
	}
}

// asked is the fault that a request came to, for its answer.
type asked struct{}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := p.Current()
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		fail(w, http.StatusForbidden, "AccessDenied", "This view of the repository is only read.")
	case f.Kind == Denied:
		if r.Header.Get("Authorization") != "" { // not the question whether anybody is there
			p.count(f)
		}
		fail(w, http.StatusForbidden, "AccessDenied", "Access Denied.")
	case f.Kind == Hidden && f.names(r.URL.Path):
		p.count(f)
		fail(w, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	default:
		p.store.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), asked{}, f)))
	}
}

// spoil puts the fault into an answer of the store.
func (p *Proxy) spoil(answer *http.Response) error {
	f, _ := answer.Request.Context().Value(asked{}).(Fault)
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusPartialContent {
		return nil
	}
	switch named := f.names(answer.Request.URL.Path); {
	case named && f.Kind == Flipped:
		return p.spoilByte(answer, f)
	case named && f.Kind == Cut:
		return p.spoilEnd(answer, f)
	case f.Kind == Hidden || f.Kind == Cut:
		return p.spoilList(answer, f)
	}
	return nil
}

// longest is the longest list that is looked through, in bytes.
const longest = 256 << 20

// spoilList hides the file from a list, or gives its new length there.
func (p *Proxy) spoilList(answer *http.Response, f Fault) error {
	if answer.Request.URL.RawQuery == "" || !strings.Contains(answer.Header.Get("Content-Type"), "xml") {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, longest+1))
	if err != nil {
		return err
	}
	if len(body) > longest {
		return fmt.Errorf("a list of more than %d bytes", longest)
	}
	if err = answer.Body.Close(); err != nil {
		return err
	}
	if isList(body) {
		seen, met := f.list(body)
		if body = seen; met {
			p.count(f)
		}
	}
	replace(answer, io.NopCloser(bytes.NewReader(body)), int64(len(body)))
	return nil
}

// spoilByte flips the byte where the answer holds it.
func (p *Proxy) spoilByte(answer *http.Response, f Fault) error {
	held, err := spanOf(answer.Header.Get("Content-Range"), answer.ContentLength)
	if err != nil {
		return err
	}
	if answer.Request.Method == http.MethodGet {
		body := answer.Body
		answer.Body = &flipping{ReadCloser: body, fault: f, at: held.first, met: func() { p.count(f) }}
	}
	return nil
}

// flipping is a body that begins at a place of the file.
type flipping struct {
	io.ReadCloser
	fault Fault
	at    int64
	met   func()
}

func (b *flipping) Read(to []byte) (int, error) {
	n, err := b.ReadCloser.Read(to)
	b.fault.flip(to[:n], b.at)
	if b.fault.At >= b.at && b.fault.At < b.at+int64(n) {
		b.met()
	}
	b.at += int64(n)
	return n, err
}

// spoilEnd leaves out what lies behind the cut; where that is all, the file is too short for what was asked.
func (p *Proxy) spoilEnd(answer *http.Response, f Fault) error {
	held, err := spanOf(answer.Header.Get("Content-Range"), answer.ContentLength)
	if err != nil {
		return err
	}
	if answer.ContentLength < 0 {
		return fmt.Errorf("the store does not say how long %s is", f.Path)
	}
	left, some := held.cutAt(f.At)
	if left == held {
		return nil
	}
	p.count(f)
	if !some && answer.StatusCode == http.StatusPartialContent {
		const text = "<Error><Code>InvalidRange</Code><Message>The requested range is not satisfiable</Message></Error>"
		err = answer.Body.Close()
		answer.StatusCode, answer.Status = http.StatusRequestedRangeNotSatisfiable, ""
		answer.Header.Set("Content-Type", "application/xml")
		answer.Header.Set("Content-Range", fmt.Sprintf("bytes */%d", f.At))
		replace(answer, io.NopCloser(strings.NewReader(text)), int64(len(text)))
		return err
	}
	if answer.StatusCode == http.StatusPartialContent {
		answer.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", left.first, left.end-1, f.At))
	}
	length := max(left.end-left.first, 0)
	replace(answer, readCloser{io.LimitReader(answer.Body, length), answer.Body}, length)
	return nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// replace gives an answer another body.
func replace(answer *http.Response, body io.ReadCloser, length int64) {
	if answer.Request.Method == http.MethodHead {
		body = http.NoBody
	}
	answer.Body, answer.ContentLength = body, length
	answer.Header.Set("Content-Length", strconv.FormatInt(length, 10))
}

// fail answers with an error as S3 words it.
func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message></Error>",
		code, strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(message))
}
