package standby_test

import (
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// line is a network between a drill and a standby: a socket of the same name in a directory of its own.
type line struct {
	dir string
	mu  sync.Mutex
	off chan struct{}
}

// newLine leads to a socket.
func newLine(t *testing.T, to string) *line {
	t.Helper()
	dir, err := os.MkdirTemp("", "vzl-") // a path of t.TempDir may be too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l := &line{dir: dir, off: make(chan struct{})}
	listener, err := net.Listen("unix", filepath.Join(dir, filepath.Base(to)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			near, failed := listener.Accept()
			if failed != nil {
				return
			}
			far, failed := net.Dial("unix", to)
			if failed != nil {
				_ = near.Close()
				continue
			}
			t.Cleanup(func() { _, _ = near.Close(), far.Close() })
			go l.carry(near, far)
			go l.carry(far, near)
		}
	}()
	return l
}

// cut has nothing pass any more, in either direction, and neither side hear of it.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.off)
}

// carry brings what comes from one side to the other.
func (l *line) carry(from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		select {
		case <-l.off:
			l.mu.Unlock()
			return // both stay open
		default:
		}
		_, failed := to.Write(buffer[:n])
		l.mu.Unlock()
		if err != nil || failed != nil {
			_, _ = from.Close(), to.Close()
			return
		}
	}
}
