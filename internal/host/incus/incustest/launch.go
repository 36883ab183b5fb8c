package incustest

import (
	"context"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

func testNoNetworkCard(t *testing.T) {
	s := Launch(t, incus.Provider{}, sandbox.Spec{})
	cutOff(t, s)
	assert.Equal(t, "lo", sh(t, s, "ls /sys/class/net"))
	for _, name := range []string{"data", "tblspc", "run", "etc", "log", "lock", "spool"} {
		assert.Equal(t, "700 postgres", sh(t, s, "stat -c '%a %U' "+s.Dir(name)))
	}
	as(t, s, "root", "ip link add veza0 type veth peer name veza1")
	breached(t, s, "veza")
	as(t, s, "root", "ip link delete veza0")
	command(t, "incus", "config", "device", "add", "local:"+s.Name(), "eth0", "nic", "nictype=p2p")
	breached(t, s, "eth0")
}

func testTagsAndLimits(t *testing.T) {
	until := time.Now().Add(time.Hour)
	p := incus.Provider{Memory: 512 << 20, CPUs: 1, Disk: 11 << 30}
	s := Launch(t, p, sandbox.Spec{Stanza: "main", Until: until})
	for key, want := range map[string]string{
		"limits.memory": "536870912", "limits.cpu": "1", "boot.autostart": "false", "user.veza-drill.run": t.Name(),
		"user.veza-drill.stanza": "main", "user.veza-drill.expires": strconv.FormatInt(until.Unix(), 10),
		"user.veza-drill.kept": "",
	} {
		assert.Equal(t, want, command(t, "incus", "config", "get", "local:"+s.Name(), key), key)
	}
	assert.Equal(t, strconv.Itoa(11<<30),
		command(t, "incus", "config", "device", "get", "local:"+s.Name(), "root", "size"))
	assert.Equal(t, "1", sh(t, s, "nproc"))
	require.NoError(t, s.Keep(soon(t), until.Add(time.Hour)))
	assert.Equal(t, "true", command(t, "incus", "config", "get", "local:"+s.Name(), "user.veza-drill.kept"))
	assert.Equal(t, strconv.FormatInt(until.Add(time.Hour).Unix(), 10),
		command(t, "incus", "config", "get", "local:"+s.Name(), "user.veza-drill.expires"))
	large := Launch(t, incus.Provider{}, sandbox.Spec{Need: 8 << 30})
	assert.Equal(t, strconv.Itoa(16<<30),
		command(t, "incus", "config", "device", "get", "local:"+large.Name(), "root", "size"))
}

// Two runs that start at once get two machines, and the one does not destroy the other's.
func testSecondNameIsFree(t *testing.T) {
	made, spec := make([]sandbox.Sandbox, 3), sandbox.Spec{Stanza: "test", Run: t.Name(), Major: major(t)}
	var all sync.WaitGroup
	for n := range made {
		all.Go(func() {
			var err error
			made[n], err = here(incus.Provider{}).Launch(soon(t), spec)
			assert.NoError(t, err)
		})
	}
	all.Wait()
	names := map[string]bool{}
	for _, s := range made {
		require.NotNil(t, s)
		one, ok := s.(*incus.Sandbox)
		require.True(t, ok)
		t.Cleanup(func() { remove(t, one) })
		assert.Regexp(t, `^pg-restore-drill(-[0-9]+)?$`, s.Name())
		names[s.Name()] = true
	}
	assert.Len(t, names, 3)
}

func testImageMissingIsNamed(t *testing.T) {
	s, err := try(t, incus.Provider{Image: "no-such/image"}, sandbox.Spec{})
	requireReason(t, reason.ImageMissing, err, "no-such/image", "make image", "-image")
	assert.Nil(t, s)
}

func testDaemonMissingIsNamed(t *testing.T) {
	_, err := try(t, incus.Provider{Remote: "nowhere"}, sandbox.Spec{})
	requireReason(t, reason.SandboxFailed, err, "nowhere", "incus remote add")
	_, err = try(t, incus.Provider{Project: "nobodys"}, sandbox.Spec{})
	requireReason(t, reason.SandboxFailed, err, "nobodys", "incus project create")
	t.Setenv("INCUS_SOCKET", filepath.Join(t.TempDir(), "unix.socket"))
	_, err = try(t, incus.Provider{}, sandbox.Spec{})
	requireReason(t, reason.SandboxFailed, err, "daemon", "unix.socket", "systemctl start incus")
	_, err = here(incus.Provider{}).Reap(soon(t), "test")
	requireReason(t, reason.SandboxFailed, err, "daemon")
}

func testEnterWorksWhenPasted(t *testing.T) {
	s := Launch(t, incus.Provider{}, sandbox.Spec{})
	line := s.Enter(`echo "it's" $(id -un) $HOME`)
	assert.Equal(t, "it's postgres /var/lib/postgresql", command(t, "sh", "-c", line))
}

// A command has all the groups its user has, and nothing of root's.
func testUserIsWhole(t *testing.T) {
	s := Launch(t, incus.Provider{}, sandbox.Spec{})
	assert.Equal(t, as(t, s, "root", "id postgres"), sh(t, s, "id"))
	assert.Equal(t, "/var/lib/postgresql postgres", sh(t, s, "echo $(pwd) $USER"))
	assert.Equal(t, "0000000000000000", sh(t, s, "awk '/CapEff/ {print $2}' /proc/self/status"))
	_, err := s.Run(soon(t), host.Command{Argv: []string{"true"}, User: "nobody-at-all"})
	require.ErrorContains(t, err, "nobody-at-all")
	_, err = s.Run(soon(t), host.Command{Argv: []string{"true"}, Dir: "/nowhere"})
	require.ErrorContains(t, err, "/nowhere")
	require.NotErrorIs(t, err, host.ErrNotFound)
	_, err = s.Run(soon(t), host.Command{Argv: []string{"/etc/passwd"}})
	require.ErrorContains(t, err, "permission denied")
	_, err = s.Run(soon(t), host.Command{Argv: []string{"sh", "-c", "no-such-program"}})
	requireExit(t, 127, err)
}

func requireExit(t *testing.T, code int, err error) {
	t.Helper()
	var exit *host.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, code, exit.Code)
}

func testRootNeverRunsPostgreSQL(t *testing.T) {
	s := Launch(t, incus.Provider{}, sandbox.Spec{})
	for _, program := range []string{"pgbackrest", "/opt/postgresql/bin/postgres"} {
		_, err := s.Run(soon(t), host.Command{Argv: []string{program, "--version"}, User: "root"})
		require.ErrorContains(t, err, "root never runs it")
	}
	assert.Equal(t, "0", as(t, s, "root", "id -u"))
}

// background is a context that outlives the test's own, for what is cleaned up.
func background(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(context.WithoutCancel(t.Context()), patience)
}

func cutOff(t *testing.T, s *incus.Sandbox) {
	t.Helper()
	_, err := s.Isolated(soon(t))
	require.NoError(t, err)
}

func breached(t *testing.T, s *incus.Sandbox, says string) {
	t.Helper()
	_, err := s.Isolated(soon(t))
	requireReason(t, reason.IsolationBreached, err, says)
}
