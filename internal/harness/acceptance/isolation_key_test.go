package acceptance

import (
	"net/http"
	"strings"
	"testing"

	"veza.fr/recovery/internal/reason"
)

// The drill finds out whether its own key may write, where the store can say so. That is a
// finding only when it was asked for, and then no answer is no pass.
func TestKey(t *testing.T) { keyFaults.run(t) }

var keyFaults = faults("TestKey", remote, []fault{
	{name: "Reads", inject: readKey, exit: 0, why: reason.None, words: "the drill's key cannot write"},
	{
		name: "ReadsAsRequired", inject: readKey, args: "-require-readonly",
		exit: 0, why: reason.None, words: "the drill's key cannot write",
	},
	{name: "MayWrite", exit: 0, why: reason.None, words: "the drill's key (repo1-s3-key) may write | dr_drill_s3_key"},
	{
		name: "MayWriteAndMustNot", args: "-require-readonly",
		exit: 1, why: reason.IsolationBreached, step: "preflight", words: "repo1-s3-key in {conf} | dr_drill_s3_key",
	},
	{
		name: "NotAnswered", inject: viaProxy(localhost, status(500, isWriteProbe)),
		exit: 0, why: reason.None, words: "not known: | status 500",
	},
	{
		name: "NotAnsweredAndMust", inject: viaProxy(localhost, status(500, isWriteProbe)), args: "-require-readonly",
		exit: 2, why: reason.RepoUnreachable, words: "-require-readonly | status 500",
	},
})

// A directory knows no keys.
func TestKey_OfADirectory(t *testing.T) { directoryKeyFaults.run(t) }

var directoryKeyFaults = faults("TestKey_OfADirectory", plain, []fault{
	{name: "Untold", exit: 0, why: reason.None, words: "not known: | type posix"},
	{
		name: "Required", args: "-require-readonly",
		exit: 2, why: reason.ConfigInvalid, words: "-require-readonly | type posix",
	},
})

// readKey gives the conf the pair that only reads.
func readKey(rc *repoCopy) {
	rc.set("repo1-s3-key", rc.seed.store.ReadKey)
	rc.set("repo1-s3-key-secret", rc.seed.store.ReadSecret)
}

// isWriteProbe is the drill asking whether it may write.
func isWriteProbe(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/archive/demo/veza-drill-write-probe-") &&
		r.URL.Query().Has("uploadId")
}
