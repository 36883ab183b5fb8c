package incus

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/lxc/incus/v6/shared/cliconfig"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An operator's incus command may stand on another remote and project.
func TestAddress(t *testing.T) {
	config := &cliconfig.Config{
		DefaultRemote: "local",
		Remotes:       map[string]cliconfig.Remote{"local": {}, "far": {Project: "drills"}},
	}
	for _, c := range []struct{ usual, remote, project, prefix, options string }{
		{"local", "", "default", "", ""},
		{"local", "", "other", "", " --project other"},
		{"far", "", "default", "local:", ""},
		{"local", "far", "drills", "far:", ""},
		{"local", "far", "default", "far:", " --project default"},
		{"far", "far", "drills", "", ""},
	} {
		config.DefaultRemote = c.usual
		prefix, options := address(config, c.remote, c.project)
		assert.Equal(t, c.prefix+"|"+c.options, prefix+"|"+options, "%+v", c)
	}
}

// testprom, typed in a plain shell, means the connection's daemon and project; where the shell may have another
// project, the usual one is named too.
func TestVariables(t *testing.T) {
	for _, c := range []struct{ shell, remote, project, want string }{
		{"", "", "default", ""},
		{"", "", "drills", "DRILL_INCUS_PROJECT=drills"},
		{"", "far", "default", "DRILL_INCUS_REMOTE=far"},
		{"drills", "far", "default", "DRILL_INCUS_REMOTE=far DRILL_INCUS_PROJECT=default"},
		{"drills", "far", "a&b", "DRILL_INCUS_REMOTE=far DRILL_INCUS_PROJECT='a&b'"},
	} {
		t.Setenv(projectVariable, c.shell)
		assert.Equal(t, c.want, strings.Join(variables(c.remote, c.project), " "), "%+v", c)
	}
}

func TestUnused(t *testing.T) {
	network := netip.MustParsePrefix("198.18.0.1/24")
	for range 300 {
		found, err := unused(network, []string{"198.18.0.1", "198.18.0.200"})
		require.NoError(t, err)
		assert.True(t, network.Contains(found.Addr()))
		assert.Equal(t, 24, found.Bits())
		assert.NotContains(t, []string{"198.18.0.0", "198.18.0.1", "198.18.0.200", "198.18.0.255"},
			found.Addr().String())
	}
	_, err := unused(netip.MustParsePrefix("10.0.0.1/30"), []string{"10.0.0.2"})
	require.ErrorContains(t, err, "no free address")
}

func TestResolvers(t *testing.T) {
	assert.True(t, strings.HasPrefix(resolvers("198.18.0.1", true), "nameserver 198.18.0.1\n"))
	assert.Equal(t, "nameserver 198.18.0.1\noptions timeout:3\n", resolvers("198.18.0.1", false))
}
