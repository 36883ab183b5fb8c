package incus

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
)

// Bounds on a connection.
const (
	dialTime   = 20 * time.Second // until it is made, whatever the caller's deadline
	lingerTime = time.Second      // what was written last gets through after it was closed
)

// Dial connects to an address inside the container. A unix socket of a container on this
// machine is reached through a proxy of the daemon's, which a kept sandbox keeps; everything
// else through a small relay that runs inside for as long as the connection lives.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, done, err := h.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	bound, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := h.dial(bound, network, address)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("dial %s %s in %s: %w", network, address, h.name, err)
	}
	return named{conn, remote{network, address}}, nil
}

func (h *Host) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network == "unix" && h.daemon.here && os.Geteuid() == 0 {
		return h.dialProxy(ctx, address)
	}
	return h.dialRelay(ctx, network, address)
}

// dialRelay starts a relay inside and waits until it is connected.
func (h *Host) dialRelay(ctx context.Context, network, address string) (net.Conn, error) {
	a, err := h.relay(ctx, network, address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, a.hangUp)
	output := bufio.NewReader(a.sockets[1])
	if err := connected(output); err != nil {
		a.hangUp()
		return nil, err
	}
	if !stop() {
		return nil, context.Cause(ctx)
	}
	near, far := net.Pipe()
	stop = context.AfterFunc(h.life, a.hangUp)
	go io.Copy(io.Discard, a.sockets[2]) //nolint:errcheck // nothing is said there
	go func() {
		io.Copy(a.sockets[0], far) //nolint:errcheck // the end of either side is the end
		a.sockets[0].Close()       //nolint:errcheck // the same
		time.AfterFunc(lingerTime, a.hangUp)
	}()
	go func() {
		io.Copy(far, output) //nolint:errcheck // the end of either side is the end
		far.Close()          //nolint:errcheck // a pipe in memory
		a.hangUp()
		stop()
	}()
	return near, nil
}

// relay starts the relay's program as whoever runs commands here, for servers that ask who it
// is; in a container without that user as root.
func (h *Host) relay(ctx context.Context, network, address string) (*attached, error) {
	user, err := h.account(ctx, "")
	if err != nil {
		user = root
	}
	argv := append([]string{user.uid, user.gid, user.groups, "/", "/"}, perl(relayScript, network, address)...)
	return h.attach(ctx, perl(runScript, argv...), environment(user, nil, "relay"))
}

// connected reads the relay's first line.
func connected(output *bufio.Reader) error {
	line, err := output.ReadString('\n')
	if err != nil {
		return reason.Errorf(reason.SandboxFailed, "no relay: %w", cmp.Or(err, io.ErrUnexpectedEOF))
	}
	if line = strings.TrimSpace(line); line != "ok" {
		return errors.New(line)
	}
	return nil
}

// named is a connection that says where it leads: pgx asks, to cancel a query.
type named struct {
	net.Conn
	to remote
}

func (n named) RemoteAddr() net.Addr { return n.to }

type remote struct{ network, address string } // of a connection

func (r remote) Network() string { return r.network }
func (r remote) String() string  { return r.address }
