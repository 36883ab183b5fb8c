package incus

import (
	"context"
	"fmt"
	"sync"

	"veza.fr/recovery/internal/host"
)

// Host is one container.
type Host struct {
	daemon *Daemon
	name   string

	mu       sync.Mutex
	id       string             // which instance of this name; "" is whichever there is
	accounts map[string]account // users looked up so far

	proxying sync.Mutex        // held while a proxy is made
	sockets  string            // directory of this machine that holds the proxies' sockets; "" none yet
	proxies  map[string]string // address inside -> socket on this machine

	running sync.WaitGroup          // commands that have not returned
	life    context.Context         // ends when the host is destroyed
	end     context.CancelCauseFunc // ends life
}

var _ host.Host = (*Host)(nil)

func newHost(d *Daemon, name string) *Host {
	h := &Host{daemon: d, name: name, accounts: map[string]account{}, proxies: map[string]string{}}
	h.life, h.end = context.WithCancelCause(context.Background())
	return h
}

// Name is the name of the instance.
func (h *Host) Name() string { return h.name }

// path is the instance's, or of something below it, in the daemon's API.
func (h *Host) path(below ...string) string { return h.daemon.instance(h.name, below...) }

// alive is ErrDestroyed once the host is.
func (h *Host) alive() error {
	if h.life.Err() != nil {
		return fmt.Errorf("%s: %w", h.name, host.ErrDestroyed)
	}
	return nil
}

// begin registers something that runs in the container: its context ends with the host too.
func (h *Host) begin(ctx context.Context) (context.Context, func(), error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.alive(); err != nil {
		return nil, nil, err
	}
	h.running.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	release := context.AfterFunc(h.life, func() { cancel(host.ErrDestroyed) })
	return ctx, func() {
		release()
		cancel(nil)
		h.running.Done()
	}, nil
}
