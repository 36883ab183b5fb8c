package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/wait"
)

const (
	// askFirst and askMost are the time between two questions whether a command has ended:
	// usually the end of its output says so, but a child may hold that open.
	askFirst = 50 * time.Millisecond
	askMost  = time.Second
	// idleTime is how long the output of an ended command may be silent until it is over.
	idleTime = 250 * time.Millisecond
	endTime  = 10 * time.Second // between the end of the output and the engine's word
)

// program is a command in a container, with its streams.
type program struct {
	engine *engine
	id     string
	conn   client.HijackedResponse

	demux  sync.Once
	stdout *io.PipeReader
	stderr *io.PipeReader
}

// Start starts a command as root, with that environment and nothing else: an image's own
// variables (PGDATA, say) would change what pgbackrest and PostgreSQL do.
func (h *Host) Start(ctx context.Context, argv []string, env map[string]string) (guest.Program, error) {
	clean := []string{"/usr/bin/env", "-i"}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		clean = append(clean, name+"="+env[name])
	}
	bound, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	made, err := h.engine.ExecCreate(bound, h.id, client.ExecCreateOptions{
		User: "0:0", WorkingDir: "/", AttachStdin: true, AttachStdout: true, AttachStderr: true,
		Cmd: append(clean, argv...),
	})
	if err != nil {
		return nil, err
	}
	attached, err := h.engine.ExecAttach(bound, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return nil, err
	}
	return &program{engine: h.engine, id: made.ID, conn: attached.HijackedResponse}, nil
}

// stdin is a command's standard input: closing it leaves the connection.
type stdin struct{ p *program }

func (s stdin) Write(b []byte) (int, error) { return s.p.conn.Conn.Write(b) }
func (s stdin) Close() error                { return s.p.conn.CloseWrite() }

// Stdin is the command's standard input.
func (p *program) Stdin() io.WriteCloser { return stdin{p} }

// Stdout is its standard output. It and Stderr must both be read.
func (p *program) Stdout() io.Reader { p.apart(); return p.stdout }

// Stderr is its standard error.
func (p *program) Stderr() io.Reader { p.apart(); return p.stderr }

// apart takes the streams apart, which the engine sends as one.
func (p *program) apart() {
	p.demux.Do(func() {
		var out, failure *io.PipeWriter
		p.stdout, out = io.Pipe()
		p.stderr, failure = io.Pipe()
		go func() {
			_, err := stdcopy.StdCopy(out, failure, p.conn.Reader)
			out.CloseWithError(err)
			failure.CloseWithError(err)
		}()
	})
}

// HangUp closes the streams. The command goes on.
func (p *program) HangUp() { p.conn.Close() }

// Finish moves the streams until the command ends and returns its exit status.
func (p *program) Finish(ctx context.Context, s guest.Streams) (int, error) {
	defer p.HangUp()
	stop := context.AfterFunc(ctx, p.HangUp)
	defer stop()
	go func() {
		if s.Stdin != nil {
			io.Copy(stdin{p}, s.Stdin) //nolint:errcheck // a command need not read its input
		}
		stdin{p}.Close() //nolint:errcheck // the command may have ended
	}()
	moved := &activity{}
	copied := make(chan error, 1)
	go func() {
		_, err := stdcopy.StdCopy(moved.of(s.Stdout), moved.of(s.Stderr), p.conn.Reader)
		copied <- err
	}()
	if err := p.drained(ctx, copied, moved); err != nil {
		return 0, err
	}
	if wait.Over(ctx) {
		return 0, context.Cause(ctx)
	}
	return p.status(ctx)
}

// drained waits for the end of the output: its own, or that of a command which has ended
// while a child of it holds the output open.
func (p *program) drained(ctx context.Context, copied <-chan error, moved *activity) error {
	for every := askFirst; ; every = min(2*every, askMost) {
		timer := time.NewTimer(every)
		select {
		case err := <-copied:
			timer.Stop()
			if err != nil && !wait.Over(ctx) {
				return fmt.Errorf("its output was cut off: %w", err)
			}
			return nil
		case <-timer.C:
		}
		state, err := p.engine.ExecInspect(ctx, p.id, client.ExecInspectOptions{})
		if err != nil {
			p.HangUp()
			_ = over(copied) // what cut it off was our own hanging up
			return err
		}
		if !state.Running && state.PID != 0 && time.Since(moved.last()) > idleTime { // without a PID it has not begun
			p.HangUp()
			_ = over(copied) // what cut it off was our own hanging up
			return nil
		}
	}
}

// over waits for the end of the copying: nothing is written any more once a command has
// returned.
func over(copied <-chan error) error { return <-copied }

// status is the exit status of a command whose output has ended.
func (p *program) status(ctx context.Context) (code int, err error) {
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	err = wait.For(ctx, "the engine to know the exit status", 10*time.Millisecond, func(ctx context.Context) error {
		state, failure := p.engine.ExecInspect(ctx, p.id, client.ExecInspectOptions{})
		if failure != nil {
			return wait.Stop(failure)
		}
		if state.Running {
			return errors.New("it is still running")
		}
		code = state.ExitCode
		return nil
	})
	return code, err
}

// activity remembers when output came last.
type activity struct {
	at     atomic.Int64
	moving atomic.Int32 // writes that have not returned
}

// last is now while somebody is still taking what came.
func (a *activity) last() time.Time {
	if a.moving.Load() > 0 {
		return time.Now()
	}
	return time.Unix(0, a.at.Load())
}

// of hands on to a writer, nil for nobody.
func (a *activity) of(to io.Writer) io.Writer {
	a.at.Store(time.Now().UnixNano())
	return writer(func(b []byte) (int, error) {
		a.moving.Add(1)
		defer func() { a.at.Store(time.Now().UnixNano()); a.moving.Add(-1) }()
		if to == nil {
			return len(b), nil
		}
		return to.Write(b)
	})
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
