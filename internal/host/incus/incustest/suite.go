// Package incustest holds what only a running Incus daemon can show of package incus.
package incustest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/sandbox"
)

// patience bounds what must end soon; machines are loaded while tests run.
const patience = time.Minute

// Launch makes a sandbox that is gone when the test ends.
func Launch(t *testing.T, p incus.Provider, spec sandbox.Spec) *incus.Sandbox {
	t.Helper()
	s, err := try(t, p, spec)
	require.NoError(t, err)
	return s
}

// try is Launch for what may fail.
func try(t *testing.T, p incus.Provider, spec sandbox.Spec) (*incus.Sandbox, error) {
	t.Helper()
	if spec.Stanza == "" {
		spec.Stanza = "test"
	}
	spec.Run, spec.Major = t.Name(), "15"
	begin := time.Now()
	made, err := p.Launch(soon(t), spec)
	t.Logf("launch: %v", time.Since(begin))
	s, _ := made.(*incus.Sandbox)
	t.Cleanup(func() { remove(t, s) })
	return s, err
}

func remove(t *testing.T, s *incus.Sandbox) {
	t.Helper()
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	begin := time.Now()
	assert.NoError(t, s.Destroy(ctx))
	assert.NoError(t, s.Gone(ctx))
	t.Logf("destroy: %v", time.Since(begin))
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
