package incus

import (
	"context"
	"net"
	"os"
	"sync"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/guest"
)

// Host is one container.
type Host struct {
	*guest.Machine
	daemon *Daemon
	name   string
	member string // of a cluster; "" is a daemon on its own

	mu sync.Mutex
	id string // which instance of this name; "" is whichever there is

	proxying sync.Mutex        // held while a proxy is made
	sockets  string            // directory of this machine that holds the proxies' sockets; "" none yet
	proxies  map[string]string // address inside -> socket on this machine
}

var (
	_ host.Host    = (*Host)(nil)
	_ guest.Engine = (*Host)(nil)
)

func newHost(d *Daemon, name string) *Host {
	h := &Host{daemon: d, name: name, proxies: map[string]string{}}
	h.Machine = guest.New(name, h)
	return h
}

// Called is what messages call the container.
func (h *Host) Called() string {
	if h.member != "" {
		return "instance " + h.name + " on " + h.member
	}
	return "instance " + h.name
}

// Failed gives an error of this provider its reason.
func (h *Host) Failed(err error) error { return failed(err) }

// path is the instance's, or of something below it, in the daemon's API.
func (h *Host) path(below ...string) string { return h.daemon.instance(h.name, below...) }

// Dial connects to an address inside the container. A unix socket of a container on this
// machine is reached through a proxy of the daemon's, which a kept sandbox keeps; everything
// else through a relay.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return h.DialBy(ctx, network, address, func(ctx context.Context, network, address string) (net.Conn, error) {
		if network == "unix" && h.daemon.here && os.Geteuid() == 0 {
			return h.dialProxy(ctx, address)
		}
		return h.DialRelay(ctx, network, address)
	})
}
