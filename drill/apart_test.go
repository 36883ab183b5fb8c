package drill

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/suite"
)

// shared is a machine on the network of this one that cannot be cut off from it.
type shared struct{ machine }

func (*shared) WithoutNetwork(context.Context) (host.Host, error) {
	return nil, errors.New("a network namespace of its own: operation not permitted")
}

// island is a machine that is cut off as a whole.
type island struct{ machine }

func (*island) Isolated(context.Context) (string, error) { return "it has no network card", nil }

// Where the server could not be cut off, the report says so and why; a machine of its own has
// been cut off before. Either way nothing is stopped.
func TestLeaveNetwork_SaysWhenItCannot(t *testing.T) {
	for want, box := range map[string]sandbox.Sandbox{
		"operation not permitted":         &shared{},
		"this kind of sandbox has no way": &machine{},
		"":                                &island{},
	} {
		r := recovered{cluster: cluster{server: &postgres.Server{Host: box}}}
		r.box = box
		var heard recorder
		require.NoError(t, r.leaveNetwork(t.Context(), suite.NewOut(&heard)))
		assert.Same(t, box, r.cluster.server.Host)
		assert.Equal(t, want != "", heard.String() != "")
		assert.Contains(t, heard.String(), want)
	}
}

// A server that does not start again without a word may have found its disk full: its log lies there too.
func TestOrFull(t *testing.T) {
	failed := reason.Errorf(reason.SandboxFailed, "pg_ctl: could not start server")
	for name, c := range map[string]struct {
		free string
		err  error
		want reason.Reason
	}{
		"full":              {"1000", failed, reason.DiskSpace},
		"room for more":     {"1000000000", failed, reason.SandboxFailed},
		"nobody knows":      {"much", failed, reason.SandboxFailed},
		"another word":      {"1000", reason.Errorf(reason.PageChecksum, "a page"), reason.PageChecksum},
		"nothing is wrong":  {"1000", nil, reason.None},
		"the run was ended": {"1000", context.Canceled, reason.SandboxFailed},
	} {
		box := &machine{answers: map[string]answer{"df": {stdout: "Avail\n" + c.free + "\n"}}}
		r := recovered{cluster: cluster{server: &postgres.Server{Host: box, LogFile: "/log"}}}
		r.box, r.plan.segmentSize = box, 16<<20
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if errors.Is(c.err, context.Canceled) {
			cancel()
			c.err = failed
		}
		err := r.orFull(ctx, c.err)
		if c.want == reason.None {
			require.NoError(t, err, name)
			continue
		}
		requireReason(t, c.want, err, name)
	}
}
