package acceptance

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/reason"
)

// A slow store is no fault, one that cuts or refuses is; and whoever's place runs out
// here is told that it is here.
func TestStore_Weather(t *testing.T) { storeWeatherFaults.run(t) }

var storeWeatherFaults = faults("TestStore_Weather", remote, []fault{
	{name: "Latency20ms", inject: viaProxy(localhost, late(20*time.Millisecond)), exit: 0, why: reason.None},
	{
		name: "Latency200ms", inject: viaProxy(localhost, late(200*time.Millisecond)),
		exit: 0, why: reason.None, waits: true,
	},
	{name: "OneMegabyteASecond", inject: viaProxy(localhost, throttled(1<<20)), exit: 0, why: reason.None, waits: true},
	{
		name: "SlowDownOnce", inject: viaProxy(localhost, first(inBundle, answer(503, "SlowDown"))),
		exit: 0, why: reason.None,
	},
	{
		name: "SlowDownAlways", inject: withShortTimeout(viaProxy(localhost, some(inBundle, answer(503, "SlowDown")))),
		exit: 2, why: reason.RepoUnreachable, waits: true,
	},
	{name: "CutOnce", inject: viaProxy(localhost, first(inBundle, half)), exit: 0, why: reason.None},
	{
		name: "CutAlways", inject: withShortTimeout(viaProxy(localhost, some(inBundle, half))),
		exit: 2, why: reason.RepoUnreachable, waits: true,
	},
	{
		name: "SegmentCutAlways", inject: withShortTimeout(viaProxy(localhost, some(segment, half))),
		exit: 2, why: reason.RepoUnreachable, waits: true,
	},
	{
		name: "TokenExpired", inject: viaProxy(localhost, some(always, answer(403, "ExpiredToken"))),
		exit: 1, why: reason.RepoDenied, words: "ExpiredToken",
	},
	{
		name: "GetDenied", inject: viaProxy(localhost, some(isObject, answer(403, "AccessDenied"))),
		exit: 1, why: reason.RepoDenied, words: "AccessDenied",
	},
	{name: "PortOfPostgreSQLTaken", inject: taken("127.0.0.1:5432"), exit: 0, why: reason.None},
})

// Where the sandbox's disk fills up, nothing is learned about the backups.
func TestDiskFull(t *testing.T) { diskFullFaults.run(t) }

var diskFullFaults = faults("TestDiskFull", remote, []fault{
	{
		name: "Small", inject: disk("40m", nil),
		exit: 2, why: reason.DiskSpace, words: "MB are free in TMPDIR", step: "preflight",
	},
	{
		name: "WhileRestoring", inject: disk("400m", inBundle),
		exit: 2, why: reason.DiskSpace, step: "restore", waits: true,
	},
	{
		name: "WhileReplaying", inject: disk("400m", segment),
		exit: 2, why: reason.DiskSpace, step: "recover", waits: true,
	},
})

func isObject(r *http.Request) bool { return !isListing(r) }

// some answers the requests that match in its own way.
func some(match which, own behaviour) behaviour {
	return func(w http.ResponseWriter, r *http.Request, store http.Handler) {
		if match(r) {
			own(w, r, store)
			return
		}
		store.ServeHTTP(w, r)
	}
}

// first does so for the first one only.
func first(match which, own behaviour) behaviour {
	var met atomic.Bool
	return some(func(r *http.Request) bool { return match(r) && met.CompareAndSwap(false, true) }, own)
}

// answer is an error as S3 words it.
func answer(status int, code string) behaviour {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w,
			`<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%[1]s</Message></Error>`, code)
	}
}

// answered is the store's whole answer, of which w has the headers already.
func answered(w http.ResponseWriter, r *http.Request, store http.Handler) *httptest.ResponseRecorder {
	whole := httptest.NewRecorder()
	store.ServeHTTP(whole, r)
	for name, values := range whole.Header() {
		w.Header()[name] = values
	}
	return whole
}

// half promises all of a file, and hangs up in the middle of it.
func half(w http.ResponseWriter, r *http.Request, store http.Handler) {
	whole := answered(w, r, store)
	w.Header().Set("Content-Length", fmt.Sprint(whole.Body.Len()))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	panic(http.ErrAbortHandler)
}

// late answers everything later.
func late(by time.Duration) behaviour {
	return func(w http.ResponseWriter, r *http.Request, store http.Handler) {
		after(r, by)
		store.ServeHTTP(w, r)
	}
}

// after lets time pass, unless the client goes away.
func after(r *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}

// throttled sends so many bytes a second, to all connections together.
func throttled(rate int) behaviour {
	var line sync.Mutex
	return func(w http.ResponseWriter, r *http.Request, store http.Handler) {
		whole := answered(w, r, store)
		w.WriteHeader(whole.Code)
		const part = 64 << 10
		for whole.Body.Len() > 0 {
			line.Lock()
			after(r, time.Second*part/time.Duration(rate))
			line.Unlock()
			if _, err := io.CopyN(w, whole.Body, part); err != nil {
				return
			}
		}
	}
}

// taken holds an address while the drill runs.
func taken(address string) func(*repoCopy) {
	return func(rc *repoCopy) {
		listener, err := (&net.ListenConfig{}).Listen(rc.t.Context(), "tcp4", address)
		if err == nil { // else somebody holds it already
			rc.t.Cleanup(func() { _ = listener.Close() })
		}
	}
}

// disk gives the sandbox a file system of its own, which is full as soon as the drill
// asks the store for something that matches.
func disk(size string, when which) func(*repoCopy) {
	return func(rc *repoCopy) {
		if os.Geteuid() != 0 {
			rc.t.Skip("a file system of a size is mounted by root")
		}
		require.NoError(rc.t, unix.Mount("tmpfs", rc.tmp(), "tmpfs", 0, "mode=1777,size="+size))
		rc.t.Cleanup(func() { require.NoError(rc.t, unix.Unmount(rc.tmp(), unix.MNT_DETACH)) })
		if when != nil {
			viaProxy(localhost, first(when, func(w http.ResponseWriter, r *http.Request, store http.Handler) {
				fill(rc)
				store.ServeHTTP(w, r)
			}))(rc)
		}
	}
}

// fill writes until nothing is free any more, into a file without a name.
func fill(rc *repoCopy) {
	f, err := os.OpenFile(rc.tmp(), unix.O_TMPFILE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	rc.t.Cleanup(func() { _ = f.Close() })
	_, _ = io.Copy(f, endless{}) // until it fails
}

// endless is zeros without end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { clear(b); return len(b), nil }
