package incustest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// testInstall: a package of a repository on this machine is there, nothing was started, and the
// card is gone, also after a failure.
func testInstall(t *testing.T) {
	server := httptest.NewUnstartedServer(http.FileServer(http.Dir(packages(t))))
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	require.NoError(t, server.Listener.Close())
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)

	s := Launch(t, incus.Provider{Install: true}, sandbox.Spec{})
	assert.Equal(t, "postgres", command(t, "sh", "-c", s.Enter("id -un")))
	as(t, s, "root", "rm -rf /etc/apt/sources.list*")
	source := "deb [trusted=yes] http://" + net.JoinHostPort(gateway(t), port) + " ./\n"
	require.NoError(t, s.Put(soon(t), "/etc/apt/sources.list", []byte(source), 0o644, "root"))
	require.NoError(t, s.Install(soon(t), []string{"veza-test"}))
	assert.Equal(t, "hello", sh(t, s, "cat /opt/veza-test"))
	assert.Equal(t, "forbidden", sh(t, s, "cat /var/tmp/veza-test"), "no service is started")
	cutOff(t, s)

	err = s.Install(soon(t), []string{"no-such-package"})
	requireReason(t, reason.SandboxFailed, err, "Unable to locate package no-such-package")
	cutOff(t, s)
}

// gateway is the address of this machine on the daemon's bridge.
func gateway(t *testing.T) string {
	t.Helper()
	card, err := net.InterfaceByName(bridge)
	require.NoError(t, err)
	addresses, err := card.Addrs()
	require.NoError(t, err)
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	require.Fail(t, "the bridge has no IPv4 address")
	return ""
}

// packages is a flat repository with one package, which would start a service.
func packages(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "package")
	for file, content := range map[string]string{
		"opt/veza-test": "hello\n",
		"DEBIAN/control": "Package: veza-test\nVersion: 1\nArchitecture: all\nMaintainer: Test " +
			"<test@example.org>\nDescription: test\n",
		"DEBIAN/postinst": "#!/bin/sh\n/usr/sbin/policy-rc.d veza-test start\n[ $? = 101 ] && echo forbidden " +
			">/var/tmp/veza-test\nexit 0\n",
	} {
		path := filepath.Join(root, file)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o755))
	}
	command(t, "dpkg-deb", "--root-owner-group", "--build", root, filepath.Join(dir, "veza-test.deb"))
	require.NoError(t, os.RemoveAll(root))
	list := command(t, "sh", "-c", "cd '"+dir+"' && "+scan)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Packages"), []byte(list+"\n"), 0o644))
	return dir
}

// scan prints the index of a directory of packages, without the tools of dpkg-dev.
const scan = `for f in *.deb; do dpkg-deb -f "$f"; echo "Filename: ./$f"
	echo "Size: $(stat -c %s "$f")"; echo "SHA256: $(sha256sum "$f" | cut -d' ' -f1)"; done`
