package process_test

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/sandbox"
)

// Commands without a network reach no address of this machine, and still its files; what they
// leave behind goes with the sandbox like anything else.
func TestWithoutNetwork(t *testing.T) {
	hosttest.PublicTemp(t)
	shared := launch(t)
	ctx := soon(t)
	apart, err := shared.(sandbox.Secluder).WithoutNetwork(ctx)
	if err != nil {
		t.Skipf("this machine does not allow it: %v", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close() //nolint:errcheck // the test is over
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	reach := host.Command{Argv: []string{"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/" + port}}
	_, err = shared.Run(ctx, reach)
	require.NoError(t, err, "the listener answers")
	_, err = apart.Run(ctx, reach)
	require.Error(t, err, "and is out of reach")

	whose := func(h host.Host) string {
		said, failed := h.Run(ctx, host.Command{Argv: []string{"id", "-u"}})
		require.NoError(t, failed)
		return strings.TrimSpace(string(said.Stdout))
	}
	assert.Equal(t, whose(shared), whose(apart), "it runs as who it did")

	_, err = apart.Run(ctx, host.Command{Argv: []string{"bash", "-c", "setsid sleep 300 >/dev/null 2>&1 & disown"}})
	require.NoError(t, err)
	require.Error(t, shared.Gone(ctx), "what it started is seen")
	require.NoError(t, shared.Destroy(ctx))
	require.NoError(t, shared.Gone(ctx))
}

// An ordinary user can do so by a user namespace, where the kernel lets them.
func TestWithoutNetwork_OrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		return // TestWithoutNetwork has shown it
	}
	hosttest.AsNobody(t, "^TestWithoutNetwork$")
}
