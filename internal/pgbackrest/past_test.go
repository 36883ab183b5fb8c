package pgbackrest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// Every command sees the repository of the same moment, with its offset: without, pgBackRest takes the
// time zone of the machine.
func TestCommon_NamesTheMoment(t *testing.T) {
	at := time.Date(2026, 8, 18, 5, 59, 30, 0, time.FixedZone("", 7200))
	for _, command := range []string{"info", "repo-ls", "repo-get", "restore", "archive-get"} {
		argv := (&Client{At: at}).common(command)
		assert.Contains(t, argv, "--repo-target-time=2026-08-18 03:59:30+00")
		assert.Equal(t, command, argv[len(argv)-1])
		assert.NotContains(t, strings.Join((&Client{}).common(command), " "), "target-time")
	}
}

// A past that pgBackRest cannot list is no word on the passphrase.
func TestManyVersions(t *testing.T) {
	const said = "FormatError: unable to find child 'NextContinuationToken':0 in node 'ListVersionsResult'"
	assert.True(t, ManyVersions(errors.New(said)))
	assert.False(t, ManyVersions(errors.New("NoSuchBucket")) || ManyVersions(nil))
	why, _ := Classify(29, said)
	assert.Equal(t, reason.VersionMismatch, why)
}

// A store without TLS is asked as one with it is, and one that has it is told from one without.
func TestProbe_PlainHTTP(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) })
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	for server, want := range map[*httptest.Server]reason.Reason{plain: "", secure: reason.ConfigInvalid} {
		host, port, err := net.SplitHostPort(server.Listener.Addr().String())
		require.NoError(t, err)
		_, err = Probe(t.Context(), dialer{}, Address{Host: host, Port: port, Plain: true}, nil)
		why, _ := reason.Of(err)
		assert.Equal(t, want, why, "%v", err)
	}
}

type dialer struct{ net.Dialer }

func (d dialer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return d.DialContext(ctx, network, address)
}
