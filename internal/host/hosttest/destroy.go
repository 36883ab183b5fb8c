package hosttest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/sandbox"
)

func destroyTwice(t *testing.T, h host.Host) {
	if s, ok := h.(sandbox.Sandbox); ok {
		require.Error(t, s.Gone(soon(t)), "a machine that is there is not gone")
	}
	require.NoError(t, h.Destroy(soon(t)))
	require.NoError(t, h.Destroy(soon(t)))
	requireGone(t, h)
}

func destroyEndsWhatRuns(t *testing.T, h host.Host) {
	_, err := h.Run(soon(t), shell("setsid sleep 300 >/dev/null 2>&1 &"))
	require.NoError(t, err)
	started, ended := make(chan bool, 1), make(chan error, 1)
	go func() {
		command := shell("echo started; sleep 300")
		command.Stdout = writerFunc(func([]byte) { started <- true })
		_, err := h.Run(soon(t), command)
		ended <- err
	}()
	<-started
	require.NoError(t, h.Destroy(soon(t)))
	require.Error(t, <-ended)
	requireGone(t, h)
}

func useAfterDestroy(t *testing.T, h host.Host) {
	file := scratch(t, h, "after")
	require.NoError(t, h.Destroy(soon(t)))
	_, err := h.Run(soon(t), shell("true"))
	assert.ErrorIs(t, err, host.ErrDestroyed)
	assert.ErrorIs(t, h.Put(soon(t), file, nil, 0o600, ""), host.ErrDestroyed)
	_, err = h.Read(soon(t), file)
	assert.ErrorIs(t, err, host.ErrDestroyed)
	_, err = h.Dial(soon(t), "tcp", "127.0.0.1:1")
	assert.ErrorIs(t, err, host.ErrDestroyed)
}

func requireGone(t *testing.T, h host.Host) {
	t.Helper()
	if s, ok := h.(sandbox.Sandbox); ok {
		require.NoError(t, s.Gone(soon(t)))
	}
}
