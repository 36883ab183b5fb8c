package incus

import (
	"io"
	"io/fs"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/lxc/incus/v6/shared/cliconfig"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
)

// Whatever is quoted comes out of a shell as it was.
func TestQuote(t *testing.T) {
	for _, word := range []string{"", "plain", "two words", "it's", "$HOME `id` \\ \"", "é", "a\nb", "*", "!", "~", "-x", "a=b", "{a,b}"} {
		said, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quote(word)).Output()
		require.NoError(t, err)
		assert.Equal(t, word, string(said))
	}
	assert.Equal(t, "psql", quote("psql"), "what needs no quotes has none")
}

// An operator's incus command may stand on another remote and project.
func TestAddress(t *testing.T) {
	config := &cliconfig.Config{DefaultRemote: "local", Remotes: map[string]cliconfig.Remote{"local": {}, "far": {Project: "drills"}}}
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

func TestParseAccount(t *testing.T) {
	a, err := parseAccount("postgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n104 103\n")
	require.NoError(t, err)
	assert.Equal(t, account{"postgres", "101", "104", "104 103", "/var/lib/postgresql"}, a)
	for _, text := range []string{"", "postgres:x:101", "postgres:x:101:104::/h:/s", "a:x:1:1::/:/s\n1\n2"} {
		_, err := parseAccount(text)
		assert.Error(t, err, text)
	}
}

// run.pl says why a program was not started, and no program can say it.
func TestNotStarted(t *testing.T) {
	require.ErrorIs(t, notStarted("psql", "MARK", []byte("MARK 2 program psql: No such file or directory\n")), host.ErrNotFound)
	require.ErrorIs(t, notStarted("psql", "MARK", []byte("MARK 13 program psql: Permission denied\n")), fs.ErrPermission)
	err := notStarted("psql", "MARK", []byte("MARK 2 directory /gone: No such file or directory\n"))
	require.ErrorContains(t, err, "/gone")
	require.NotErrorIs(t, err, host.ErrNotFound)
	for _, said := range []string{"", "sh: 1: psql: not found\n", "MARK\n", "MARK x y\n"} {
		assert.NoError(t, notStarted("psql", "MARK", []byte(said)), said)
	}
}

// The drill's own environment never reaches a command; the mark cannot be overridden.
func TestEnvironment(t *testing.T) {
	t.Setenv("PGHOST", "production")
	env := environment(root, []string{"PGDATA=/data", "LANG=fr", "VEZA_SCRATCH=none"}, "mark")
	assert.Equal(t, map[string]string{
		"PATH": standardPath, "HOME": "/root", "USER": "root", "LOGNAME": "root", "LANG": "fr", "LC_ALL": "C", "TZ": "UTC",
		"PGDATA": "/data", "VEZA_SCRATCH": "mark",
	}, env)
}

func TestUnixMode(t *testing.T) {
	assert.Equal(t, uint32(0o640), unixMode(0o640))
	assert.Equal(t, uint32(0o5750), unixMode(0o750|fs.ModeSetuid|fs.ModeSticky))
	assert.Equal(t, uint32(0o2700), unixMode(0o700|fs.ModeSetgid))
}

// Interfaces and routes of a sandbox, as ip prints them.
func TestWayOut(t *testing.T) {
	const usual = "local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1\nlocal ::1 dev lo table local proto kernel metric 0 pref medium\n"
	assert.Empty(t, wayOut("lo\n\n"+usual))
	assert.Empty(t, wayOut("lo\n\n"))
	assert.Equal(t, "interface eth0", wayOut("eth0\nlo\n\n"+usual))
	assert.Contains(t, wayOut("lo\n\n"+usual+"default via 10.0.0.1 dev eth0\n"), "default via")
	assert.NotEmpty(t, wayOut(""), "no answer is no proof")
	assert.NotEmpty(t, wayOut("\n\n"))
}

func TestUnused(t *testing.T) {
	network := netip.MustParsePrefix("198.18.0.1/24")
	for range 300 {
		found, err := unused(network, []string{"198.18.0.1", "198.18.0.200"})
		require.NoError(t, err)
		assert.True(t, network.Contains(found.Addr()))
		assert.Equal(t, 24, found.Bits())
		assert.NotContains(t, []string{"198.18.0.0", "198.18.0.1", "198.18.0.200", "198.18.0.255"}, found.Addr().String())
	}
	_, err := unused(netip.MustParsePrefix("10.0.0.1/30"), []string{"10.0.0.2"})
	require.ErrorContains(t, err, "no free address")
}

func TestResolvers(t *testing.T) {
	assert.True(t, strings.HasPrefix(resolvers("198.18.0.1", true), "nameserver 198.18.0.1\n"))
	assert.Equal(t, "nameserver 198.18.0.1\noptions timeout:3\n", resolvers("198.18.0.1", false))
}

// What is handed on to somebody who fails is kept all the same; what comes too late is not.
func TestSink(t *testing.T) {
	reader, writer := io.Pipe()
	require.NoError(t, reader.CloseWithError(fs.ErrClosed))
	s := &sink{to: writer}
	for _, part := range []string{"all ", "of it"} {
		_, err := s.Write([]byte(part))
		require.NoError(t, err)
	}
	assert.Equal(t, "all of it", string(s.take()))
	require.ErrorIs(t, s.failed(), fs.ErrClosed)
	_, err := s.Write([]byte(" and more"))
	require.NoError(t, err)
	assert.Equal(t, "all of it", string(s.take()))
}
