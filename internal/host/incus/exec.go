package incus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
	"github.com/lxc/incus/v6/shared/api"
	"github.com/lxc/incus/v6/shared/ws"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/wait"
)

// drainTime is how long output is read on after a command ended. The daemon ends the
// streams with the command, also when a child holds them open (facts E).
const drainTime = 10 * time.Second

// pongTime bounds the answer to one of the daemon's pings.
const pongTime = 5 * time.Second

// attached is a command that has started in a container, with its streams.
type attached struct {
	daemon  *Daemon
	id      string // of the daemon's operation
	sockets [3]socket
}

// socket is one stream of a command.
type socket struct {
	io.ReadWriteCloser // Close ends the stream, and leaves the connection
	hangUp             func() error
}

// Start starts a command as root. Nothing runs unless all three streams are connected, for
// which the daemon allows 5 s: on a busy machine it is tried again. There is a fourth
// stream for signals, which stays unused: the daemon kills the command when that one breaks, and
// nobody could tell it from an exit status.
func (h *Host) Start(ctx context.Context, argv []string, env map[string]string) (guest.Program, error) {
	a, err := h.attachOnce(ctx, argv, env)
	if errors.Is(err, errNotConnected) && !wait.Over(ctx) {
		a, err = h.attachOnce(ctx, argv, env)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// errNotConnected is a command that never ran, because its streams did not come about.
var errNotConnected = errors.New("its streams could not be connected")

func (h *Host) attachOnce(ctx context.Context, argv []string, env map[string]string) (*attached, error) {
	d := h.daemon
	resp, err := d.call(ctx, callTime, http.MethodPost, h.path("exec"), api.InstanceExecPost{
		Command: argv, Environment: env, Cwd: "/", WaitForWS: true,
	})
	if err != nil {
		return nil, err
	}
	op, err := resp.MetadataAsOperation()
	if err != nil {
		return nil, err
	}
	secrets, ok := op.Metadata["fds"].(map[string]any)
	if !ok {
		return nil, errors.New("the daemon offers no streams")
	}
	a := &attached{daemon: d, id: op.ID}
	for fd := range a.sockets {
		secret, _ := secrets[strconv.Itoa(fd)].(string)
		conn, err := d.at(ctx).GetOperationWebsocket(op.ID, secret) // bounded by the client: 5 s
		if err != nil {
			a.HangUp()
			if fd < len(a.sockets)-1 { // the daemon has not got them all, whatever became of this one
				err = fmt.Errorf("%w: %w", errNotConnected, err)
			}
			return nil, err
		}
		conn.SetPingHandler(func(data string) error {
			// The daemon pings a stream it may close at once: what it sent before that is
			// still to be read, whether or not it takes the answer.
			_ = conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(pongTime))
			return nil
		})
		a.sockets[fd] = socket{ws.NewWrapper(conn), conn.Close}
		if fd == 0 {
			go conn.ReadMessage() //nolint:errcheck // takes the daemon's pings
		}
	}
	return a, nil
}

// HangUp closes every stream; the daemon then kills the command, unless it has ended.
func (a *attached) HangUp() {
	for _, s := range a.sockets {
		if s.hangUp != nil {
			s.hangUp() //nolint:errcheck // it may be closed
		}
	}
}

// Stdin is the command's standard input, for whoever does not finish it.
func (a *attached) Stdin() io.WriteCloser { return a.sockets[0] }

// Stdout is its standard output.
func (a *attached) Stdout() io.Reader { return a.sockets[1] }

// Stderr is its standard error.
func (a *attached) Stderr() io.Reader { return a.sockets[2] }

// feed copies standard input and ends it.
func (a *attached) feed(from io.Reader) {
	if from != nil {
		io.Copy(a.sockets[0], from) //nolint:errcheck // a command need not read its input
	}
	a.sockets[0].Close() //nolint:errcheck // the command may have ended
}

// Finish moves the streams until the command ends and returns its exit status. An error
// means that nobody knows how it ended: it was cut off, or the daemon lost it.
func (a *attached) Finish(ctx context.Context, s guest.Streams) (int, error) {
	defer a.HangUp()
	go a.feed(s.Stdin)
	copied := make(chan error, 2)
	for fd, to := range map[int]io.Writer{1: s.Stdout, 2: s.Stderr} {
		go func() {
			_, err := io.Copy(to, a.sockets[fd]) // EOF is the daemon's word that this was all
			copied <- err
		}()
	}
	op, err := a.daemon.await(ctx, a.id)
	if err != nil {
		a.HangUp()
		_ = drain(copied) // nothing is written any more once this returns
		return 0, err
	}
	if err := drain(copied); err != nil {
		return 0, err
	}
	return status(op)
}

// drain waits for the end of both outputs.
func drain(copied <-chan error) error {
	bound := time.NewTimer(drainTime)
	defer bound.Stop()
	var cut error
	for range 2 {
		select {
		case err := <-copied:
			cut = errors.Join(cut, err)
		case <-bound.C:
			return errors.New("its output did not come to an end")
		}
	}
	if cut != nil {
		return fmt.Errorf("its output was cut off: %w", cut)
	}
	return nil
}

// status is the exit status in a finished operation. Failure of the operation itself is
// no status, but 126 and 127 come with an error beside them.
func status(op *api.Operation) (int, error) {
	code, ok := op.Metadata["return"].(float64)
	if !ok || code < 0 {
		return 0, fmt.Errorf("the daemon knows no exit status (%s %s)", op.Status, op.Err)
	}
	return int(code), nil
}
