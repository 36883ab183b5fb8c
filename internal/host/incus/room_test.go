package incus

import (
	"context"
	"errors"
	"testing"

	"github.com/lxc/incus/v6/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// A limit that others use up is waited for; one that the run itself uses up, or that the instance alone is beyond, is
// said at once.
func TestInRoom(t *testing.T) {
	full := errors.New(`Reached maximum number of instances of type "container" in project "drills"`)
	of := func(run string) (i api.Instance) {
		i.Config = map[string]string{
			keyPrefix + guest.KeyRun: run, keyPrefix + guest.KeyStanza: "main", keyPrefix + guest.KeyOwner: "x",
		}
		return i
	}
	for name, c := range map[string]struct {
		there  []api.Instance
		own    bool
		says   string
		waited bool
	}{
		"its own":              {[]api.Instance{of("r1")}, true, "raise the limit for a second one", false},
		"its own and others'":  {[]api.Instance{of("r2"), of("r1")}, true, "raise the limit for a second one", false},
		"another run's":        {[]api.Instance{of("r2")}, false, "", true},
		"somebody else's":      {[]api.Instance{{}}, false, "", true},
		"it alone is too much": {nil, false, "more than the limits of project default allow", false},
	} {
		t.Run(name, func(t *testing.T) {
			answers{
				"/1.0": api.Server{}, "/1.0/projects/default": api.Project{}, "/1.0/instances": c.there,
			}.serve(t)
			d, err := Connect(t.Context(), "", "")
			require.NoError(t, err)
			waited := false
			spec := sandbox.Spec{Run: "r1", Say: func(string, ...any) { waited = true }}
			_, err = d.inRoom(t.Context(), spec, func() (*Host, error) {
				if waited {
					return d.Open("pg-restore-drill"), nil
				}
				return nil, full
			})
			assert.Equal(t, c.waited, waited)
			assert.Equal(t, c.own, errors.Is(err, sandbox.ErrLimit), "%v", err)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
			require.ErrorIs(t, err, full)
			why, _ := reason.Of(err)
			assert.Equal(t, reason.SandboxFailed, why)
		})
	}
}

// What failed otherwise is nobody's to wait for.
func TestInRoom_OtherErrors(t *testing.T) {
	broken := errors.New("Failed creating instance")
	_, err := (&Daemon{}).inRoom(context.Background(), sandbox.Spec{}, func() (*Host, error) { return nil, broken })
	assert.Equal(t, broken, err)
}
