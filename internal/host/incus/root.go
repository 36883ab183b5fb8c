package incus

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
func (h *Host) exec(ctx context.Context, argv []string, env map[string]string, mark string, s streams) (int, error) {
	a, err := h.attach(ctx, argv, env)
	if err != nil {
		return 0, err
	}
	code, err := a.finish(ctx, s)
	if err == nil {
		return code, nil
	}
	if errors.Is(context.Cause(ctx), host.ErrDestroyed) {
		return 0, err // Destroy takes everything along
	}
	if err2 := h.kill(ctx, mark); err2 != nil {
		return 0, fmt.Errorf("%w (its processes may still run: %v)", err, err2) //nolint:errorlint // only what came first may speak
	}
	return 0, err
}

// kill ends every process that carries a mark; ctx may be over.
func (h *Host) kill(ctx context.Context, mark string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTime)
	defer cancel()
	var stderr bytes.Buffer
	code, err := h.asRoot(ctx, perl(killScript, markName+"="+mark), streams{stderr: &stderr})
	if err == nil && code != 0 {
		err = fmt.Errorf("exit status %d: %s", code, strings.TrimSpace(stderr.String()))
	}
	return err
}

// asRoot runs one of the host's own short commands as root.
func (h *Host) asRoot(ctx context.Context, argv []string, s streams) (int, error) {
	if s.stdout == nil {
		s.stdout = io.Discard
	}
	if s.stderr == nil {
		s.stderr = io.Discard
	}
	a, err := h.attach(ctx, argv, environment(root, nil, ""))
	if err != nil {
		return 0, err
	}
	return a.finish(ctx, s)
}

// pulse is nil when a command can still be run in the container.
func (h *Host) pulse(ctx context.Context) error {
	code, err := h.asRoot(ctx, []string{"true"}, streams{})
	if err == nil && code != 0 {
		err = fmt.Errorf("exit status %d", code)
	}
	if err != nil {
		return reason.Errorf(reason.SandboxFailed, "instance %s was stopped or killed: %w", h.name, err)
	}
	return nil
}
