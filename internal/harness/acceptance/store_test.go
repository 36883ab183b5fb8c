package acceptance

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
)

// remote is a small cluster in an S3 server of this process.
var remote = sync.OnceValues(func() (life, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	server, err := objectstore.Embedded(context.Background())
	if err != nil {
		return life{}, err
	}
	c, err := newCluster(ctx, &source.Seeded{Rows: 2000, Store: server}, "acceptance-s3")
	if err != nil {
		return life{}, err
	}
	marks := map[string]mark{}
	if err = inOrder(
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.note(ctx, marks, "end") },
		func() error { return c.Stop(ctx) },
	); err != nil {
		return life{}, err
	}
	s, err := c.freeze(ctx, "remote", marks)
	if err == nil {
		s.store = newStore(server)
	}
	return life{c, s}, err
})

// A store that refuses, lies, or is not there: what a real restore would meet as well
// is the backups' fault, what may pass is not; and a dead one is told in seconds.
func TestStore(t *testing.T) { storeFaults.suffer(t) }

var storeFaults = faults("TestStore", remote, []fault{
	{name: "Clean", exit: 0, why: reason.None},
	{name: "BehindAFront", harm: front(localhost, pass), exit: 0, why: reason.None},
	{name: "Closed", harm: option("repo1-storage-port", "1"), exit: 2, why: reason.RepoUnreachable, words: "localhost:1"},
	{name: "NoSuchName", harm: option("repo1-storage-host", "store.invalid"), exit: 2, why: reason.RepoUnreachable, words: "store.invalid", waits: true},
	{name: "NeverAnswers", harm: tcp(hold()), exit: 2, why: reason.RepoUnreachable, words: "localhost:", waits: true},
	{name: "HangsUp", harm: tcp(func(c net.Conn) { _ = c.Close() }), exit: 2, why: reason.RepoUnreachable, words: "localhost:"},
	{name: "SpeaksNoTLS", harm: tcp(plainHTTP), exit: 2, why: reason.RepoUnreachable, words: "TLS"},
	{name: "ShakesHandsAndFallsSilent", harm: front(localhost, silent), exit: 2, why: reason.RepoUnreachable, words: "localhost:", waits: true},
	{name: "Error500", harm: front(localhost, status(500, always)), exit: 2, why: reason.RepoUnreachable, waits: true},
	{name: "Error503", harm: front(localhost, status(503, always)), exit: 2, why: reason.RepoUnreachable, waits: true},
	{name: "UntrustedCertificate", harm: untrusted, exit: 1, why: reason.UntrustedCertificate, words: "certificate", waits: true},
	{name: "CertificateForAnotherName", harm: front(another, pass), exit: 1, why: reason.UntrustedCertificate, words: "certificate", waits: true},
	{name: "CertificateExpired", harm: front(expired, pass), exit: 1, why: reason.UntrustedCertificate, words: "certificate", waits: true},
	{name: "CAFileMissing", harm: option("repo1-storage-ca-file", "{dir}/none.crt"), exit: 2, why: reason.ConfigInvalid, words: "{dir}/none.crt"},
	{name: "WrongKey", harm: option("repo1-s3-key", "somebody"), exit: 1, why: reason.RepoDenied},
	{name: "WrongSecret", harm: option("repo1-s3-key-secret", "guessed"), exit: 1, why: reason.RepoDenied},
	{name: "BucketMissing", harm: option("repo1-s3-bucket", "nothing-here"), exit: 1, why: reason.NoBackup},
	{name: "PathMissing", harm: option("repo1-path", "/nothing-here"), exit: 1, why: reason.NoBackup},
	{name: "WrongPassphrase", harm: option("repo1-cipher-pass", "another"), exit: 1, why: reason.WrongCipher, words: "repo1-cipher-pass"},
	{name: "PlaceholderSecret", harm: option("repo1-s3-key-secret", "<secret>"), exit: 2, why: reason.PlaceholderSecret, words: "repo1-s3-key-secret"},
	{name: "ListDenied", harm: front(localhost, status(403, aListing)), exit: 1, why: reason.RepoDenied},
	{name: "ArchiveListDenied", harm: front(localhost, status(403, both(aListing, inArchive))), exit: 1, why: reason.RepoDenied},
})

// PostgreSQL takes whatever goes wrong in the middle of the replay for the end of the
// archive, and comes up without the rest. The listing was whole: only the proof finds it.
func TestStore_FailsDuringReplay(t *testing.T) { storeFailsDuringReplayFaults.suffer(t) }

var storeFailsDuringReplayFaults = faults("TestStore_FailsDuringReplay", remote, []fault{
	{name: "SegmentGone", harm: front(localhost, status(404, segment)), exit: 1, why: reason.WALMissing},
	{name: "SegmentDenied", harm: front(localhost, status(403, segment)), exit: 1, why: reason.RepoDenied},
	{name: "SegmentUnavailable", harm: impatient(front(localhost, status(503, segment))), exit: 2, why: reason.RepoUnreachable, waits: true},
	{name: "SegmentEmpty", harm: front(localhost, body("", segment)), exit: 1, why: reason.WALCorrupt},
	{name: "SegmentOfGarbage", harm: front(localhost, body("what is this", segment)), exit: 1, why: reason.WALCorrupt},
	{name: "BackupDenied", harm: impatient(front(localhost, status(403, inBundle))), exit: 1, why: reason.RepoDenied, waits: true},
	{name: "BackupGone", harm: impatient(front(localhost, status(404, inBundle))), exit: 1, why: reason.RepoCorrupt, waits: true},
	{name: "BackupUnavailable", harm: impatient(front(localhost, status(503, inBundle))), exit: 2, why: reason.RepoUnreachable, waits: true},
	{name: "BlipThatPgBackRestRidesOut", harm: blip(), exit: 0, why: reason.None},
})

// A drill only reads: a store that let nobody write would do. The one write it asks for is
// the question whether it may, a part of an upload that nobody began.
func TestStore_IsOnlyRead(t *testing.T) {
	long(t)
	l, err := remote()
	require.NoError(t, err)
	busy <- struct{}{}
	defer func() { <-busy }()
	var reads, writes, questions atomic.Int64
	harm := front(localhost, func(w http.ResponseWriter, r *http.Request, store http.Handler) {
		switch {
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
			reads.Add(1)
		case aQuestion(r):
			questions.Add(1)
		default:
			writes.Add(1)
		}
		store.ServeHTTP(w, r)
	})
	fault{harm: harm, exit: 0, why: reason.None}.on(admit(t, l.seed))
	assert.Positive(t, reads.Load())
	assert.Zero(t, writes.Load())
	assert.EqualValues(t, 1, questions.Load())
}

// impatient makes pgBackRest give up soon; by itself it tries again for a minute.
func impatient(harm func(*patient)) func(*patient) {
	return func(p *patient) {
		p.set("io-timeout", "2")
		harm(p)
	}
}

// Behaviours of a front.

func pass(w http.ResponseWriter, r *http.Request, store http.Handler) { store.ServeHTTP(w, r) }

// silent never answers.
func silent(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() }

// hold keeps every connection open and says nothing.
func hold() func(net.Conn) {
	var held []net.Conn
	return func(c net.Conn) { held = append(held, c) }
}

func plainHTTP(c net.Conn) {
	_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	_ = c.Close()
}

// untrusted leaves the conf with the authority of the store, not of the front.
func untrusted(p *patient) {
	front(localhost, pass)(p)
	p.set("repo1-storage-ca-file", p.file("etc/ca.crt"))
}

// which tells requests apart.
type which func(*http.Request) bool

func always(*http.Request) bool { return true }

func aListing(r *http.Request) bool { return r.URL.Query().Has("list-type") }

func inArchive(r *http.Request) bool {
	return strings.Contains(r.URL.Query().Get("prefix"), "archive/demo/15-1")
}

// segment is the content of an archived segment.
func segment(r *http.Request) bool {
	return !aListing(r) && strings.Contains(r.URL.Path, "/archive/demo/15-1/0000000100000000/")
}

// inBundle is the content of backup files.
func inBundle(r *http.Request) bool { return !aListing(r) && strings.Contains(r.URL.Path, "/bundle/") }

func both(a, b which) which { return func(r *http.Request) bool { return a(r) && b(r) } }

// status answers some requests with an error.
func status(code int, some which) behaviour {
	return func(w http.ResponseWriter, r *http.Request, store http.Handler) {
		if some(r) {
			w.WriteHeader(code)
			return
		}
		store.ServeHTTP(w, r)
	}
}

// body answers some requests with something else.
func body(text string, some which) behaviour {
	return func(w http.ResponseWriter, r *http.Request, store http.Handler) {
		if some(r) {
			_, _ = io.WriteString(w, text)
			return
		}
		store.ServeHTTP(w, r)
	}
}

// blip fails the first request for a segment only.
func blip() func(*patient) {
	return func(p *patient) {
		var failed atomic.Bool
		front(localhost, func(w http.ResponseWriter, r *http.Request, store http.Handler) {
			if segment(r) && failed.CompareAndSwap(false, true) {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			store.ServeHTTP(w, r)
		})(p)
	}
}
