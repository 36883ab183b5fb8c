package runner

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// passes is a command that writes the stream of a drill that passed.
func passes(t *testing.T) []string {
	t.Helper()
	stream, err := filepath.Abs("../../../fixtures/streams/pass.jsonl")
	require.NoError(t, err)
	return []string{"--", "cat", stream}
}

// held is a slot that somebody has.
func held(t *testing.T) (path string, free func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "slot")
	other := flock.New(path)
	ok, err := other.TryLock()
	require.True(t, ok, "%v", err)
	return path, func() { require.NoError(t, other.Unlock()) }
}

func TestSlot_IsWaitedFor(t *testing.T) {
	slot, free := held(t)
	out, _, exit := begin(t, append([]string{"-slot", slot}, passes(t)...)...)
	out.wait(t, "waiting until no other run has the slot")
	assert.NotContains(t, out.String(), "PASSED")
	free()
	assert.Equal(t, reason.ExitPass, <-exit, "%s", out)

	after := flock.New(slot)
	ok, err := after.TryLock()
	assert.True(t, ok, "it was not given back: %v", err)
}

// Whoever waits too long says who is in the way, and does not judge.
func TestSlot_IsGivenUp(t *testing.T) {
	slot, free := held(t)
	defer free()
	file := filepath.Join(t.TempDir(), "history")
	out, _, exit := begin(t, append([]string{"-slot", slot, "-slot-wait", "300ms", "-history", file}, passes(t)...)...)
	assert.Equal(t, reason.ExitEnvironment, <-exit, "%s", out)
	last := history(t, file)
	assert.Equal(t, reason.Locked, last.Reason)
	assert.Contains(t, last.Detail, slot)
}

func TestSlot_AnInterruptEndsTheWait(t *testing.T) {
	slot, free := held(t)
	defer free()
	file := filepath.Join(t.TempDir(), "history")
	out, signals, exit := begin(t, append([]string{"-slot", slot, "-history", file}, passes(t)...)...)
	out.wait(t, "waiting until")
	signals <- syscall.SIGTERM
	assert.Equal(t, reason.ExitEnvironment, <-exit, "%s", out)
	assert.Equal(t, reason.Interrupted, history(t, file).Reason)
}

func TestSlot_ThatCannotBeOpenedIsNamed(t *testing.T) {
	slot := filepath.Join(t.TempDir(), "none", "slot")
	out, _, exit := begin(t, append([]string{"-slot", slot}, passes(t)...)...)
	assert.Equal(t, reason.ExitEnvironment, <-exit)
	assert.Contains(t, out.String(), slot)
}
