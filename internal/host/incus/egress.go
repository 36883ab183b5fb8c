package incus

import (
	"context"
	"os"
	"path"
	"time"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/sandbox"
)

// egressTime bounds the making of all proxies of a sandbox; the daemon takes a second for each.
const egressTime = time.Minute

// postgresSocket is the name PostgreSQL gives its socket: what a sandbox will be dialled at.
const postgresSocket = ".s.PGSQL.5432"

var _ sandbox.Waiter = (*Sandbox)(nil)

// egress is the proxies of a sandbox, which are made beside everything else.
type egress struct {
	out chan struct{} // closed once the object stores can be reached
	all chan struct{} // closed once nothing is under way any more
	err error         // of the way out; read it after out
}

// makeEgress begins to make the proxies to the object stores, and after them the one
// PostgreSQL will be reached by. What goes wrong with the latter is found by Dial.
func (s *Sandbox) makeEgress(stores []guest.Store) error {
	ctx, done, err := s.Begin(context.Background())
	if err != nil {
		return err
	}
	s.egress = &egress{out: make(chan struct{}), all: make(chan struct{})}
	go func() {
		defer done()
		defer close(s.egress.all)
		bound, cancel := context.WithTimeout(ctx, egressTime)
		defer cancel()
		s.egress.err = s.lead(bound, stores)
		close(s.egress.out)
		if s.egress.err == nil && s.daemon.here && os.Geteuid() == 0 {
			_, _ = s.proxy(bound, path.Join(s.Dir("run"), postgresSocket)) // Dial asks for it again
		}
	}()
	return nil
}

// Ready waits until the object stores can be reached.
func (s *Sandbox) Ready(ctx context.Context) error {
	if s.egress == nil {
		return nil
	}
	select {
	case <-s.egress.out:
		return failed(s.egress.err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Settled waits until nobody changes the instance's devices any more.
func (s *Sandbox) Settled(ctx context.Context) error {
	if s.egress == nil {
		return nil
	}
	select {
	case <-s.egress.all:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
