package acceptance

import (
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
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
var remote = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	server, err := objectstore.Embedded(context.Background())
	if err != nil {
		return liveSeed{}, err
	}
	c, err := newCluster(ctx, &source.Seeded{Rows: 2000, Store: server}, "acceptance-s3")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	if err = inOrder(
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.note(ctx, marks, "end") },
		func() error { return c.Stop(ctx) },
	); err != nil {
		return liveSeed{}, err
	}
	s, err := c.freeze(ctx, "remote", marks)
	if err == nil {
		s.store = newStore(server)
	}
	return liveSeed{c, s}, err
})

// A store that refuses, lies, or is not there: what a real restore would meet as well
// is the backups' fault, what may pass is not; and a dead one is told in seconds.
func TestStore(t *testing.T) { storeFaults.run(t) }

var storeFaults = faults("TestStore", remote, []fault{
	{name: "Clean", exit: 0, why: reason.None},
	{name: "BehindAFront", inject: viaProxy(localhost, pass), exit: 0, why: reason.None},
	{
		name: "Closed", inject: option("repo1-storage-port", "1"),
		exit: 2, why: reason.RepoUnreachable, words: "localhost:1",
	},
	{
		name: "NoSuchName", inject: option("repo1-storage-host", "store.invalid"),
		exit: 2, why: reason.RepoUnreachable, words: "store.invalid", waits: true,
	},
	{name: "NeverAnswers", inject: tcp(hold()), exit: 2, why: reason.RepoUnreachable, words: "localhost:", waits: true},
	{
		name: "HangsUp", inject: tcp(func(c net.Conn) { _ = c.Close() }),
		exit: 2, why: reason.RepoUnreachable, words: "localhost:",
	},
	{name: "SpeaksNoTLS", inject: tcp(plainHTTP), exit: 2, why: reason.RepoUnreachable, words: "TLS"},
	{
		name: "ShakesHandsAndFallsSilent", inject: viaProxy(localhost, silent),
		exit: 2, why: reason.RepoUnreachable, words: "localhost:", waits: true,
	},
	{
		name: "Error500", inject: viaProxy(localhost, status(500, always)),
		exit: 2, why: reason.RepoUnreachable, waits: true,
	},
	{
		name: "Error503", inject: viaProxy(localhost, status(503, always)),
		exit: 2, why: reason.RepoUnreachable, waits: true,
	},
	{
		name: "UntrustedCertificate", inject: untrusted,
		exit: 1, why: reason.UntrustedCertificate, words: "certificate", waits: true,
	},
	{
		name: "CertificateForAnotherName", inject: viaProxy(another, pass),
		exit: 1, why: reason.UntrustedCertificate, words: "certificate", waits: true,
	},
	{
		name: "CertificateExpired", inject: viaProxy(expired, pass),
		exit: 1, why: reason.UntrustedCertificate, words: "certificate", waits: true,
	},
	{
		name: "CAFileMissing", inject: option("repo1-storage-ca-file", "{dir}/none.crt"),
		exit: 2, why: reason.ConfigInvalid, words: "{dir}/none.crt",
	},
	{name: "WrongKey", inject: option("repo1-s3-key", "somebody"), exit: 1, why: reason.RepoDenied},
	{name: "WrongSecret", inject: option("repo1-s3-key-secret", "guessed"), exit: 1, why: reason.RepoDenied},
	{name: "BucketMissing", inject: option("repo1-s3-bucket", "nothing-here"), exit: 1, why: reason.NoBackup},
	{name: "PathMissing", inject: option("repo1-path", "/nothing-here"), exit: 1, why: reason.NoBackup},
	{
		name: "WrongPassphrase", inject: option("repo1-cipher-pass", "another"),
		exit: 1, why: reason.WrongCipher, words: "repo1-cipher-pass",
	},
	{
		name: "PlaceholderSecret", inject: option("repo1-s3-key-secret", "<secret>"),
		exit: 2, why: reason.PlaceholderSecret, words: "repo1-s3-key-secret",
	},
	{ // a store refuses whoever is 15 minutes off
		name: "ClockOfThisHost", inject: viaProxy(localhost, refusal("RequestTimeTooSkewed", always)),
		exit: 2, why: reason.ClockSkew, words: "RequestTimeTooSkewed",
	},
	{name: "ListDenied", inject: viaProxy(localhost, status(403, isListing)), exit: 1, why: reason.RepoDenied},
	{
		name: "ArchiveListDenied", inject: viaProxy(localhost, status(403, both(isListing, inArchive))),
		exit: 1, why: reason.RepoDenied,
	},
})

// PostgreSQL takes whatever goes wrong in the middle of the replay for the end of the
// archive, and comes up without the rest. The listing was whole: only the proof finds it.
func TestStore_FailsDuringReplay(t *testing.T) { storeFailsDuringReplayFaults.run(t) }

var storeFailsDuringReplayFaults = faults("TestStore_FailsDuringReplay", remote, []fault{
	{name: "SegmentGone", inject: viaProxy(localhost, status(404, segment)), exit: 1, why: reason.WALMissing},
	{name: "SegmentDenied", inject: viaProxy(localhost, status(403, segment)), exit: 1, why: reason.RepoDenied},
	{
		name: "SegmentUnavailable", inject: withShortTimeout(viaProxy(localhost, status(503, segment))),
		exit: 2, why: reason.RepoUnreachable, waits: true,
	},
	{name: "SegmentEmpty", inject: viaProxy(localhost, body("", segment)), exit: 1, why: reason.WALCorrupt},
	{
		name: "SegmentOfGarbage", inject: viaProxy(localhost, body("what is this", segment)),
		exit: 1, why: reason.WALCorrupt,
	},
	{
		name: "BackupDenied", inject: withShortTimeout(viaProxy(localhost, status(403, inBundle))),
		exit: 1, why: reason.RepoDenied, waits: true,
	},
	{
		name: "BackupGone", inject: withShortTimeout(viaProxy(localhost, status(404, inBundle))),
		exit: 1, why: reason.RepoCorrupt, waits: true,
	},
	{
		name: "BackupUnavailable", inject: withShortTimeout(viaProxy(localhost, status(503, inBundle))),
		exit: 2, why: reason.RepoUnreachable, waits: true,
	},
	{name: "BlipThatPgBackRestRidesOut", inject: blip(), exit: 0, why: reason.None},
})

// A drill only reads: a store that let nobody write would do. The one write it asks for is
// the question whether it may, a part of an upload that nobody began.
func TestStore_IsOnlyRead(t *testing.T) {
	long(t)
	l, err := remote()
	require.NoError(t, err)
	cores <- struct{}{}
	defer func() { <-cores }()
	var reads, writes, questions atomic.Int64
	inject := viaProxy(localhost, func(w http.ResponseWriter, r *http.Request, store http.Handler) {
		switch {
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
			reads.Add(1)
		case isWriteProbe(r):
			questions.Add(1)
		default:
			writes.Add(1)
		}
		store.ServeHTTP(w, r)
	})
	fault{inject: inject, exit: 0, why: reason.None}.runOn(newCopy(t, l.seed))
	assert.Positive(t, reads.Load())
	assert.Zero(t, writes.Load())
	assert.EqualValues(t, 1, questions.Load())
}

// withShortTimeout makes pgBackRest give up soon; by itself it tries again for a minute.
func withShortTimeout(inject func(*repoCopy)) func(*repoCopy) {
	return func(rc *repoCopy) {
		rc.set("io-timeout", "2")
		inject(rc)
	}
}

// Behaviours of a proxy.

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

// untrusted leaves the conf with the authority of the store, not of the proxy.
func untrusted(rc *repoCopy) {
	viaProxy(localhost, pass)(rc)
	rc.set("repo1-storage-ca-file", rc.file("etc/ca.crt"))
}

// which tells requests apart.
type which func(*http.Request) bool

func always(*http.Request) bool { return true }

func isListing(r *http.Request) bool { return r.URL.Query().Has("list-type") }

// archive is where the segments are, whatever the version of PostgreSQL.
var archive = regexp.MustCompile(`archive/demo/[0-9]+-1\b`)

func inArchive(r *http.Request) bool {
	return archive.MatchString(r.URL.Query().Get("prefix"))
}

// segment is the content of an archived segment.
func segment(r *http.Request) bool {
	return !isListing(r) && archive.MatchString(r.URL.Path) && strings.Contains(r.URL.Path, "/0000000100000000/")
}

// inBundle is the content of backup files.
func inBundle(r *http.Request) bool { return !isListing(r) && strings.Contains(r.URL.Path, "/bundle/") }

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

// refusal answers some requests as S3 refuses them, with a word for why.
func refusal(word string, some which) behaviour {
	return func(w http.ResponseWriter, r *http.Request, store http.Handler) {
		if !some(r) {
			store.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<Error><Code>"+word+"</Code></Error>")
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
func blip() func(*repoCopy) {
	return func(rc *repoCopy) {
		var failed atomic.Bool
		viaProxy(localhost, func(w http.ResponseWriter, r *http.Request, store http.Handler) {
			if segment(r) && failed.CompareAndSwap(false, true) {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			store.ServeHTTP(w, r)
		})(rc)
	}
}
