package incustest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// speaker is a server on this machine that says one line to everybody.
func speaker(t *testing.T, address, line string) sandbox.Address {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() }) //nolint:errcheck // a test's
	go func() {
		for {
			conn, closed := listener.Accept()
			if closed != nil {
				return
			}
			fmt.Fprintln(conn, line)
			conn.Close() //nolint:errcheck // said
		}
	}()
	host, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return sandbox.Address{Host: host, Port: port}
}

// hear connects inside to a name and port.
func hear(t *testing.T, s *incus.Sandbox, a sandbox.Address) string {
	t.Helper()
	program := `use IO::Socket::INET;
		my $s = IO::Socket::INET->new(PeerAddr => shift, PeerPort => shift, Timeout => 5) or die "$@\n"; print <$s>`
	result, err := s.Run(soon(t), host.Command{Argv: []string{"perl", "-e", program, a.Host, a.Port}})
	require.NoError(t, err)
	return strings.TrimSpace(string(result.Stdout))
}

// The stores are reached by the names the conf gives them, and nothing else is: names of one
// port, localhost, and an address that no interface inside has.
func testStoresAreReached(t *testing.T) {
	first := speaker(t, "127.0.0.1:0", "first")
	own, err := os.Hostname()
	require.NoError(t, err)
	bridge := bridgeAddress(t)
	literal := speaker(t, net.JoinHostPort(bridge, "0"), "literal")
	stores := []sandbox.Address{
		{Host: "LOCALHOST", Port: first.Port},
		{Host: own, Port: first.Port},
		literal,
		{Host: "localhost", Port: first.Port},
	}
	s := Launch(t, incus.Provider{}, sandbox.Spec{Stores: stores})
	assert.Equal(t, "first", hear(t, s, stores[0]))
	assert.Equal(t, "literal", hear(t, s, literal))
	assert.Contains(t, sh(t, s, "cat /etc/hosts"), "127.0.0.2 "+strings.ToLower(own))
	cutOff(t, s)
}

// bridgeAddress is an IPv4 address of this machine that is not a loopback one.
func bridgeAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	require.Fail(t, "this machine has no address but loopback ones")
	return ""
}

func testStoreNobodyKnows(t *testing.T) {
	_, err := try(t, incus.Provider{},
		sandbox.Spec{Stores: []sandbox.Address{{Host: "no-such-store.invalid", Port: "443"}}})
	requireReason(t, reason.RepoUnreachable, err, "no-such-store.invalid")
	_, err = try(t, incus.Provider{}, sandbox.Spec{Stores: []sandbox.Address{{Host: "localhost", Port: "https"}}})
	requireReason(t, reason.ConfigInvalid, err, "https")
}

// A repository of files is read by the default user as its owner reads it, and by nobody written.
func testFolderIsReadOnly(t *testing.T) {
	folder := filepath.Join(hosttest.PublicTemp(t), "repo")
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "backup"), 0o750))
	file := filepath.Join(folder, "backup", "info")
	require.NoError(t, os.WriteFile(file, []byte("whole"), 0o600))
	const uid, gid = 4711, 4712
	for _, path := range []string{folder, filepath.Dir(file), file} {
		require.NoError(t, os.Chown(path, uid, gid))
	}
	require.NoError(t, os.Chmod(folder, 0o700))
	s := Launch(t, incus.Provider{}, sandbox.Spec{Folders: []string{folder}})
	assert.Equal(t, "whole", sh(t, s, "cat "+file))
	assert.Equal(t, "4711 4712", sh(t, s, "echo $(id -u) $(id -g)"))
	assert.Equal(t, "postgres", sh(t, s, "stat -c %U "+s.Dir("data")))
	for _, user := range []string{"", "root"} {
		_, err := s.Run(soon(t), host.Command{Argv: []string{"touch", file}, User: user})
		require.ErrorContains(t, err, "Read-only file system")
	}
	assert.Equal(t, "postgres", sh(t, s, "stat -c %U ~"))
}

func testFolderRefused(t *testing.T) {
	dir := hosttest.PublicTemp(t)
	_, err := try(t, incus.Provider{}, sandbox.Spec{Folders: []string{filepath.Join(dir, "gone")}})
	requireReason(t, reason.NoBackup, err, "gone")
	roots := filepath.Join(dir, "roots")
	require.NoError(t, os.Mkdir(roots, 0o700))
	_, err = try(t, incus.Provider{}, sandbox.Spec{Folders: []string{roots}})
	requireReason(t, reason.ConfigInvalid, err, roots, "root")
	_, err = try(t, incus.Provider{Remote: Remote(t)}, sandbox.Spec{Folders: []string{dir}})
	requireReason(t, reason.ConfigInvalid, err, dir, "without -incus-remote")
}
