package incus

import (
	"net/http"
	"testing"

	"github.com/lxc/incus/v6/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// What a run asks before its launch asks the daemon about itself once; providers of different runs each ask.
func TestConnection_AsksOnce(t *testing.T) {
	daemon := daemonWithPool("7.3")
	asked := daemon.serve(t)
	for range 2 {
		p := Provider{Connection: &Connection{}}
		for range 2 {
			_, err := p.Room(t.Context(), nil)
			require.NoError(t, err)
			_, err = p.Warnings(t.Context())
			require.NoError(t, err)
			d, err := p.connect(t.Context())
			require.NoError(t, err)
			require.NoError(t, d.aim(t.Context(), ""))
		}
	}
	assert.Equal(t, 2, asked("/1.0"))
	assert.Equal(t, 2, asked("/1.0/projects/default"))
	assert.Equal(t, 4, asked(poolPath+"/resources"), "what changes is asked each time")
}

// A daemon that did not answer, or not all, is asked again.
func TestConnection_RemembersNoFailure(t *testing.T) {
	daemon := daemonWithPool("7.3")
	daemon["/1.0/projects/default"], daemon["/1.0"] = http.StatusForbidden, http.StatusForbidden
	daemon.serve(t)
	p := Provider{Connection: &Connection{}}
	_, err := p.connect(t.Context())
	require.Error(t, err)
	daemon["/1.0/projects/default"] = api.Project{Name: "default"}
	d, err := p.connect(t.Context())
	require.NoError(t, err)
	require.Error(t, d.aim(t.Context(), ""))
	daemon["/1.0"] = api.Server{}
	require.NoError(t, d.aim(t.Context(), ""))
}

// Where one sandbox goes says nothing of the next one.
func TestConnection_EachAimsForItself(t *testing.T) {
	daemon := daemonWithPool("7.3")
	daemon["/1.0"] = api.Server{Environment: api.ServerEnvironment{ServerClustered: true, ServerName: "a"}}
	daemon.serve(t)
	p := Provider{Connection: &Connection{}}
	for _, target := range []string{"b", "a"} {
		d, err := p.connect(t.Context())
		require.NoError(t, err)
		require.NoError(t, d.aim(t.Context(), target))
		assert.Equal(t, target, d.target)
		assert.Equal(t, target == "a", d.here)
	}
}

// What listens on this host alone is reached from this member alone; a host that is no member has none.
func TestConnection_AimsAtThisMember(t *testing.T) {
	daemon := daemonWithPool("7.3")
	daemon["/1.0"] = api.Server{Environment: api.ServerEnvironment{ServerClustered: true, ServerName: "a"}}
	daemon.serve(t)
	d, err := Provider{}.connect(t.Context())
	require.NoError(t, err)
	require.NoError(t, d.aim(t.Context(), thisMember))
	assert.Equal(t, "a", d.target)
	assert.True(t, d.here)

	d.here = false
	why, _ := reason.Of(d.aim(t.Context(), thisMember))
	assert.Equal(t, reason.ConfigInvalid, why)
	daemon["/1.0"] = api.Server{}
	d, err = Provider{}.connect(t.Context())
	require.NoError(t, err)
	require.NoError(t, d.aim(t.Context(), thisMember), "no cluster")
	assert.Empty(t, d.target)
}
