package acceptance

import (
	"io"
	"log"
	"net/http"
	"testing"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/versions"
)

// A store that speaks HTTP without TLS is drilled as any other by a pgBackRest that speaks it, and so is
// what is read without pgBackRest. One that does not calls the conf damaged: it is told apart before.
func TestPlainHTTP(t *testing.T) { plainHTTPFaults.run(t) }

var (
	speaksHTTP = versions.PlainHTTP.Since()
	noHTTP     = older{exit: 2, why: reason.VersionMismatch, words: "repo1-s3-endpoint=http://localhost | 2.58"}
)

var plainHTTPFaults = faults("TestPlainHTTP", remote, []fault{
	{
		name: "Clean", inject: withoutTLS(pass), since: speaksHTTP, older: noHTTP,
		exit: 0, why: reason.None, words: "the drill's key (repo1-s3-key) may write",
	},
	{
		name: "WrongKey", inject: then(withoutTLS(pass), option("repo1-s3-key", "somebody")), since: speaksHTTP,
		older: noHTTP, exit: 1, why: reason.RepoDenied,
	},
	{
		name: "SegmentGone", inject: withoutTLS(status(404, segment)), since: speaksHTTP, older: noHTTP,
		exit: 1, why: reason.WALMissing,
	},
	{
		name: "Silent", inject: withoutTLS(silent), waits: true,
		exit: 2, why: reason.RepoUnreachable, words: "localhost:",
	},
	{
		name: "TheStoreSpeaksTLS", inject: option("repo1-s3-endpoint", "http://localhost"),
		exit: 2, why: reason.ConfigInvalid, words: "speaks TLS",
	},
})

// withoutTLS puts a server that speaks no TLS before the store of a case, and its conf behind it.
func withoutTLS(does behaviour) func(*repoCopy) {
	return func(rc *repoCopy) {
		server := &http.Server{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				does(w, r, rc.seed.store.handler)
			}),
			ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
		}
		listener := listen(rc)
		go server.Serve(listener) //nolint:errcheck // it ends when the server is closed
		rc.t.Cleanup(func() { _ = server.Close() })
		rc.set("repo1-s3-endpoint", "http://localhost")
	}
}

// then does two things to a copy.
func then(first, second func(*repoCopy)) func(*repoCopy) {
	return func(rc *repoCopy) {
		first(rc)
		second(rc)
	}
}
