package bench

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"veza.fr/recovery/internal/objectstore"
)

// Distance is a TCP proxy that makes a server of this machine look as far away as it is in
// production: what is sent arrives half a round trip later, at the rate at which it was sent.
// It looks at nothing that passes, so TLS is as it was.
type Distance struct {
	Port      int // on the loopback addresses, as localhost
	roundTrip time.Duration
	to        string
	listeners []net.Listener
	stop      context.CancelFunc
	work      sync.WaitGroup
}

// NewDistance puts a distance before localhost's port.
func NewDistance(ctx context.Context, port int, roundTrip time.Duration) (*Distance, error) {
	listeners, err := objectstore.Listen(ctx)
	if err != nil {
		return nil, err
	}
	d := &Distance{
		Port: listeners[0].Addr().(*net.TCPAddr).Port, roundTrip: roundTrip,
		to: net.JoinHostPort("localhost", strconv.Itoa(port)), listeners: listeners,
	}
	ctx, d.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, listener := range listeners {
		d.work.Go(func() { d.accept(ctx, listener) })
	}
	return d, nil
}

// Close cuts what passes, and waits until nothing of it is left.
func (d *Distance) Close() error {
	var err error
	for _, listener := range d.listeners {
		err = errors.Join(err, listener.Close())
	}
	d.stop()
	d.work.Wait()
	return err
}

func (d *Distance) accept(ctx context.Context, listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		d.work.Go(func() {
			var dialer net.Dialer
			server, err := dialer.DialContext(ctx, "tcp", d.to)
			if err != nil {
				_ = client.Close() // as if it had been refused
				return
			}
			pass(ctx, client, server, d.roundTrip)
		})
	}
}

// pass connects two sides until both have said all, one is gone, or ctx ends. The handshake
// of TCP, which is over before a proxy knows of it, costs its round trip here.
func pass(ctx context.Context, client, server net.Conn, roundTrip time.Duration) {
	hangUp := func() { _, _ = client.Close(), server.Close() }
	defer context.AfterFunc(ctx, hangUp)()
	defer hangUp()
	connected := time.Now().Add(roundTrip)
	var sides sync.WaitGroup
	for _, side := range []struct{ to, from net.Conn }{{server, client}, {client, server}} {
		sides.Go(func() {
			if carry(side.to, side.from, roundTrip/2, connected) != nil {
				hangUp()
			}
		})
	}
	sides.Wait()
}

// piece is what was read at once, nil for the end.
type piece struct {
	content []byte
	due     time.Time
}

// pieces that may be under way at once: more than any bandwidth here has in half a round trip.
const pieces = 8192

// carry carries what one side says to the other: each piece arrives a delay after it was sent,
// however many are under way. What was said before the two were connected counts as said then.
func carry(to, from net.Conn, delay time.Duration, connected time.Time) error {
	way := make(chan piece, pieces)
	read := make(chan error, 1)
	go func() {
		defer close(way)
		for {
			content := make([]byte, 64<<10)
			n, err := from.Read(content)
			sent := time.Now()
			if sent.Before(connected) {
				sent = connected
			}
			if n > 0 {
				way <- piece{content[:n], sent.Add(delay)}
			}
			if err != nil {
				way <- piece{nil, sent.Add(delay)}
				read <- err
				return
			}
		}
	}()
	var failed error
	for p := range way {
		if failed != nil {
			continue // the reader must not be left behind
		}
		until(p.due)
		if p.content == nil {
			failed = endOf(to)
		} else if _, failed = to.Write(p.content); failed != nil {
			_ = from.Close() // nobody wants the rest
		}
	}
	if err := <-read; failed == nil && !errors.Is(err, io.EOF) {
		failed = err
	}
	return failed
}

func until(due time.Time) {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	<-timer.C
}

// endOf tells a side that nothing more comes, and lets it speak on.
func endOf(side net.Conn) error {
	if half, ok := side.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return side.Close()
}
