package guest

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// Bounds on a connection.
const (
	dialTime   = 20 * time.Second // until it is made, whatever the caller's deadline
	lingerTime = time.Second      // what was written last gets through after it was closed
)

// Dial connects to an address inside the machine, through a small relay that runs there
// for as long as the connection lives.
func (m *Machine) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return m.DialBy(ctx, network, address, m.DialRelay)
}

// DialBy is Dial by another way than a relay, for as long as the machine lives.
func (m *Machine) DialBy(
	ctx context.Context,
	network, address string,
	dial func(ctx context.Context, network, address string) (net.Conn, error),
) (net.Conn, error) {
	ctx, done, err := m.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	bound, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := dial(bound, network, address)
	if wait.Over(ctx) {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("dial %s %s in %s: %w", network, address, m.name, err)
	}
	return named{conn, remote{network, address}}, nil
}

// DialRelay starts a relay inside and waits until it is connected.
func (m *Machine) DialRelay(ctx context.Context, network, address string) (net.Conn, error) {
	a, err := m.relay(ctx, network, address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, a.HangUp)
	output := bufio.NewReader(a.Stdout())
	if err := connected(output); err != nil {
		a.HangUp()
		return nil, err
	}
	if !stop() {
		return nil, context.Cause(ctx)
	}
	near, far := net.Pipe()
	stop = context.AfterFunc(m.life, a.HangUp)
	go io.Copy(io.Discard, a.Stderr()) //nolint:errcheck // nothing is said there
	go func() {
		io.Copy(a.Stdin(), far) //nolint:errcheck // the end of either side is the end
		a.Stdin().Close()       //nolint:errcheck // the same
		time.AfterFunc(lingerTime, a.HangUp)
	}()
	go func() {
		io.Copy(far, output) //nolint:errcheck // the end of either side is the end
		far.Close()          //nolint:errcheck // a pipe in memory
		a.HangUp()
		stop()
	}()
	return near, nil
}

// relay starts the relay's program as whoever runs commands here, for servers that ask who it
// is; in a container without that user as root.
func (m *Machine) relay(ctx context.Context, network, address string) (Program, error) {
	user, err := m.Account(ctx, "")
	if err != nil {
		user = Root
	}
	argv := append([]string{user.UID, user.GID, user.Groups, "/", "/"}, Perl(relayScript, network, address)...)
	return m.engine.Start(ctx, Perl(runScript, argv...), Environment(user, nil, "relay"))
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
