package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// killTime bounds the end of a command that was told to end, its descendants included.
const killTime = 15 * time.Second

// exec runs argv as root to its end. When ctx ends first, every process that carries the mark is killed.
func (m *Machine) exec(ctx context.Context, argv []string, env map[string]string, mark string, s Streams) (int, error) {
	a, err := m.engine.Start(ctx, argv, env)
	if err != nil {
		return 0, err
	}
	code, err := a.Finish(ctx, s)
	if err == nil {
		return code, nil
	}
	if errors.Is(context.Cause(ctx), host.ErrDestroyed) {
		return 0, err // Destroy takes everything along
	}
	if err2 := m.kill(ctx, mark); err2 != nil {
		return 0, fmt.Errorf("%w (its processes may still run: %v)", err,
			err2) //nolint:errorlint // only what came first may speak
	}
	return 0, err
}

// kill ends every process that carries a mark; ctx may be over.
func (m *Machine) kill(ctx context.Context, mark string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTime)
	defer cancel()
	var stderr bytes.Buffer
	code, err := m.AsRoot(ctx, Perl(killScript, markName+"="+mark), Streams{Stderr: &stderr})
	if err == nil && code != 0 {
		err = fmt.Errorf("exit status %d: %s", code, strings.TrimSpace(stderr.String()))
	}
	return err
}

// AsRoot runs one of the host's own short commands as root.
func (m *Machine) AsRoot(ctx context.Context, argv []string, s Streams) (int, error) {
	if s.Stdout == nil {
		s.Stdout = io.Discard
	}
	if s.Stderr == nil {
		s.Stderr = io.Discard
	}
	a, err := m.engine.Start(ctx, argv, Environment(Root, nil, ""))
	if err != nil {
		return 0, err
	}
	return a.Finish(ctx, s)
}

// pulse is nil when a command can still be run in the container.
func (m *Machine) pulse(ctx context.Context) error {
	code, err := m.AsRoot(ctx, []string{"true"}, Streams{})
	if err == nil && code != 0 {
		err = fmt.Errorf("exit status %d", code)
	}
	if err != nil {
		return reason.Errorf(reason.SandboxFailed, "%s was stopped or killed: %w", m.engine.Called(), err)
	}
	return nil
}

// lost is the error of a command of which nobody knows how it ended.
func (m *Machine) lost(what string, err error) error {
	if _, known := reason.Of(err); known {
		return fmt.Errorf("%s: %w", what, err)
	}
	return m.engine.Failed(
		fmt.Errorf("%s: how it ended is not known: %s was lost, or its daemon was: %w", what, m.engine.Called(), err),
	)
}
