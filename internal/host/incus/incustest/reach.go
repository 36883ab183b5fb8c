package incustest

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// A file is only missing in a container that runs: anything else is no word about the backups.
func testFileNeedsAContainer(t *testing.T) {
	s := Launch(t, incus.Provider{}, sandbox.Spec{})
	require.NoError(t, s.Put(soon(t), "/srv/deep/down/file", []byte("here"), 0o640, ""))
	assert.Equal(t, "755 root", sh(t, s, "stat -c '%a %U' /srv/deep/down"))
	_, err := s.Read(soon(t), "/srv/deep/up")
	require.ErrorIs(t, err, fs.ErrNotExist)
	command(t, "incus", "stop", "--force", "local:"+s.Name())
	_, err = s.Read(soon(t), "/srv/deep/down/file")
	requireReason(t, reason.SandboxFailed, err, "gone")
	require.NotErrorIs(t, err, fs.ErrNotExist)
	requireReason(t, reason.SandboxFailed, s.Put(soon(t), "/srv/file", nil, 0o600, ""))
}

// Whoever is not root on this machine cannot reach the restored data, and the server inside
// sees its own user at the other end.
func testSocketsAreRootsAlone(t *testing.T) {
	s := Launch(t, incus.Provider{}, sandbox.Spec{})
	socket := s.Dir("run") + "/peer"
	program := `use Socket; use IO::Socket::UNIX; $| = 1;
		my $s = IO::Socket::UNIX->new(Local => shift, Listen => 1) or die; print "ready\n";
		my $c = $s->accept;
		my ($pid, $uid, $gid) = unpack "lll", getsockopt($c, SOL_SOCKET, 17); print $c getpwuid($uid) // $uid`
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := s.Run(soon(t), host.Command{Argv: []string{"perl", "-e", program, socket}, Stdout: signal(ready)})
		ended <- err
	}()
	<-ready
	conn, err := s.Dial(soon(t), "unix", socket)
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // only read
	assert.Equal(t, socket, conn.RemoteAddr().String())
	said, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Equal(t, "postgres", string(said))
	require.NoError(t, <-ended)
	own := command(t, "incus", "config", "get", "local:"+s.Name(), "user.veza-drill.sockets")
	require.Equal(t, "/run/veza-drill", filepath.Dir(own))
	for _, dir := range []string{"/run/veza-drill", own} {
		info, err := os.Stat(dir)
		require.NoError(t, err)
		owner, ok := info.Sys().(*syscall.Stat_t)
		require.True(t, ok)
		assert.Equal(t, "drwx------ 0", fmt.Sprint(info.Mode(), " ", owner.Uid))
	}
	require.NoError(t, s.Destroy(soon(t)))
	assert.NoDirExists(t, own)
}

// signal closes a channel at the first word.
func signal(ready chan struct{}) io.Writer { return &once{ready: ready} }

type once struct {
	ready chan struct{}
	said  bool
}

func (o *once) Write(b []byte) (int, error) {
	if !o.said {
		o.said = true
		close(o.ready)
	}
	return len(b), nil
}
