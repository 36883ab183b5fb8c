package hosttest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/wait"
)

// Freeze stops a process, and waits until each of its threads stands still: the signal strikes some time after it was
// sent, and a busy server still answers meanwhile. The process goes on at the end of the test at the latest.
func Freeze(t *testing.T, p *os.Process) {
	t.Helper()
	require.NoError(t, p.Signal(syscall.SIGSTOP))
	t.Cleanup(func() { _ = p.Signal(syscall.SIGCONT) }) // it may be gone
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, wait.For(ctx, "a process to stand still", 10*time.Millisecond, func(context.Context) error {
		threads, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(p.Pid), "task/*/stat"))
		for i := 0; err == nil && i < len(threads); i++ {
			var stat []byte
			stat, err = os.ReadFile(threads[i])
			if _, state, _ := bytes.Cut(stat, []byte(") ")); err == nil && !bytes.HasPrefix(state, []byte("T")) {
				err = fmt.Errorf("a thread is in state %.1s", state)
			}
		}
		return err
	}))
}
