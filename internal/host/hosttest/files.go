package hosttest

import (
	"fmt"
	"io"
	"io/fs"
	"net"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
)

func fileModeAndOwner(t *testing.T, h host.Host) {
	me := sh(t, h, "id -un")
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o755} {
		file := scratch(t, h, "mode")
		require.NoError(t, h.Put(soon(t), file, []byte("secret"), mode, ""))
		assert.Equal(t, fmt.Sprintf("%o %s", mode, me), sh(t, h, "stat -c '%a %U' "+file))
		require.NoError(t, h.Put(soon(t), file, []byte("secret"), mode, me), "the default user can be named as well")
	}
	err := h.Put(soon(t), scratch(t, h, "owner"), nil, 0o600, "no-such-user")
	require.ErrorContains(t, err, "no-such-user")
}

func fileIsReplacedWhole(t *testing.T, h host.Host) {
	file := scratch(t, h, "whole")
	binary := []byte("\x00\xff first, and longer")
	require.NoError(t, h.Put(soon(t), file, binary, 0o600, ""))
	content, err := h.Read(soon(t), file)
	require.NoError(t, err)
	assert.Equal(t, binary, content)
	require.NoError(t, h.Put(soon(t), file, []byte("second"), 0o640, ""))
	content, err = h.Read(soon(t), file)
	require.NoError(t, err)
	assert.Equal(t, "second", string(content))
	assert.Equal(t, "640", sh(t, h, "stat -c %a "+file))
	assert.Equal(t, file, sh(t, h, fmt.Sprintf("ls -d %s*", file)), "nothing is left beside it")
}

func missingFileIsNotExist(t *testing.T, h host.Host) {
	_, err := h.Read(soon(t), scratch(t, h, "missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// server is a Perl program that answers one client; the class and arguments of its socket go in.
const server = `use IO::Socket::%s; $| = 1; my $s = IO::Socket::%[1]s->new(%[2]s, Listen => 1) or die "listen: $!";
print "ready ", %[3]s, "\n"; my $c = $s->accept or die; print $c "hello from inside\n"; close $c;`

func dialUnix(t *testing.T, h host.Host) {
	socket := scratch(t, h, "s")
	if s, ok := h.(interface{ Dir(string) string }); ok {
		socket = path.Join(s.Dir("run"), ".s.PGSQL.5432") // the name it is for, which must not be too long
	}
	talk(t, h, fmt.Sprintf(server, "UNIX", fmt.Sprintf("Local => %q", socket), "0"), "unix",
		func(string) string { return socket })
}

func dialTCP(t *testing.T, h host.Host) {
	program := fmt.Sprintf(server, "INET", `LocalAddr => "127.0.0.1"`, "$s->sockport")
	talk(t, h, program, "tcp", func(port string) string { return net.JoinHostPort("127.0.0.1", port) })
}

// talk runs a server inside, dials the address it gives, and hears it out.
func talk(t *testing.T, h host.Host, program, network string, address func(said string) string) {
	t.Helper()
	ready := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		_, err := h.Run(soon(t), host.Command{Argv: []string{"perl", "-e", program}, Stdout: writerFunc(func(b []byte) {
			ready <- strings.TrimSpace(strings.TrimPrefix(string(b), "ready "))
		})})
		ended <- err
	}()
	select {
	case said := <-ready:
		conn, err := h.Dial(soon(t), network, address(said))
		require.NoError(t, err)
		defer conn.Close() //nolint:errcheck // only read
		heard, err := io.ReadAll(conn)
		require.NoError(t, err)
		assert.Equal(t, "hello from inside\n", string(heard))
		require.NoError(t, <-ended)
	case err := <-ended:
		require.NoError(t, err)
	}
}

func dialNobody(t *testing.T, h host.Host) {
	_, err := h.Dial(soon(t), "unix", scratch(t, h, "nobody"))
	require.Error(t, err)
	_, err = h.Dial(soon(t), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(1)))
	require.Error(t, err)
}
