package incus

import (
	"os"
	"path/filepath"

	sys "golang.org/x/sys/unix"
)

// Present says whether there is an Incus to ask: a remote that was named, or a socket on
// this machine that this user may use. A machine without one has nothing to reap.
func (p Provider) Present() bool {
	if p.Remote != "" {
		return true
	}
	places := []string{"/run/incus/unix.socket", "/var/lib/incus/unix.socket"}
	if dir := os.Getenv("INCUS_DIR"); dir != "" {
		places = []string{filepath.Join(dir, "unix.socket")}
	}
	if socket := os.Getenv("INCUS_SOCKET"); socket != "" {
		places = []string{socket}
	}
	for _, socket := range places {
		if sys.Access(socket, sys.W_OK) == nil {
			return true
		}
	}
	return false
}
