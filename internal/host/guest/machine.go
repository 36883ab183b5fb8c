// Package guest is what the providers of containers share. One gets into such a guest by
// executing programs in it: commands as another user, files, connections, all by way of an
// Engine.
package guest

import (
	"context"
	"fmt"
	"io"
	"sync"

	"veza.fr/recovery/internal/host"
)

// Streams are a command's standard streams; nil is an empty or an unread one.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Program is one that was started in a machine as root, its streams connected.
type Program interface {
	// Finish moves the streams until the program ends and returns its exit status. An
	// error means that nobody knows how it ended: it was cut off, or lost.
	Finish(ctx context.Context, s Streams) (int, error)
	// Stdin, Stdout and Stderr are the streams of a program that nobody finishes.
	Stdin() io.WriteCloser
	Stdout() io.Reader
	Stderr() io.Reader
	// HangUp closes every stream. The program may go on.
	HangUp()
}

// Engine starts programs in one machine; a provider's part.
type Engine interface {
	// Start starts a program as root.
	Start(ctx context.Context, argv []string, env map[string]string) (Program, error)
	// Life names one run of the machine, from a start to a stop. Where it is in none, the
	// error is sandbox_failed, and whatever a command in it said then means nothing.
	Life(ctx context.Context) (string, error)
	// Failed gives an error the provider's reason, unless it has one.
	Failed(err error) error
	// Called is what messages call the machine: "instance pg-restore-drill".
	Called() string
}

// Machine is a host whose commands an Engine executes.
type Machine struct {
	engine Engine
	name   string

	mu       sync.Mutex
	accounts map[string]Account // users looked up so far

	running sync.WaitGroup          // commands that have not returned
	life    context.Context         // ends when the machine is destroyed
	end     context.CancelCauseFunc // ends life
}

// New is a machine of an engine; nothing is asked of it.
func New(name string, engine Engine) *Machine {
	m := &Machine{engine: engine, name: name, accounts: map[string]Account{}}
	m.life, m.end = context.WithCancelCause(context.Background())
	return m
}

// Name is what the provider calls the machine.
func (m *Machine) Name() string { return m.name }

// Alive is ErrDestroyed once the machine was ended.
func (m *Machine) Alive() error {
	if m.life.Err() != nil {
		return fmt.Errorf("%s: %w", m.name, host.ErrDestroyed)
	}
	return nil
}

// Begin registers something that runs in the machine: its context ends with the machine
// too. Call done when it has returned.
func (m *Machine) Begin(ctx context.Context) (_ context.Context, done func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.Alive(); err != nil {
		return nil, nil, err
	}
	m.running.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	release := context.AfterFunc(m.life, func() { cancel(host.ErrDestroyed) })
	return ctx, func() {
		release()
		cancel(nil)
		m.running.Done()
	}, nil
}

// End ends whatever runs in the machine: commands under way end with host.ErrDestroyed.
func (m *Machine) End() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.end(host.ErrDestroyed)
}

// Wait waits until everything that was begun has returned; after End that is soon.
func (m *Machine) Wait() { m.running.Wait() }
