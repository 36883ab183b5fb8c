package incus

import (
	"context"
	"sync"

	"github.com/lxc/incus/v6/shared/api"
)

// Connection is what a run asks a daemon once: whether it is there, which version it is, and whether it is one of a
// cluster. Providers that have none in common ask each time.
type Connection struct {
	mutex  sync.Mutex
	daemon *Daemon
	server *api.Server
}

// connect reaches the provider's daemon. What failed is tried again the next time.
func (p Provider) connect(ctx context.Context) (*Daemon, error) {
	if p.Connection == nil {
		return Connect(ctx, p.Remote, p.Project)
	}
	c := p.Connection
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.daemon == nil {
		d, err := Connect(ctx, p.Remote, p.Project)
		if err != nil {
			return nil, err
		}
		c.daemon = d
	}
	own := *c.daemon // which aims elsewhere than another one's
	own.connection = c
	return &own, nil
}

// about is what the daemon says of itself.
func (d *Daemon) about(ctx context.Context) (api.Server, error) {
	var server api.Server
	c := d.connection
	if c == nil {
		return server, d.get(ctx, "/1.0", &server)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.server == nil {
		if err := d.get(ctx, "/1.0", &server); err != nil {
			return server, err
		}
		c.server = &server
	}
	return *c.server, nil
}
