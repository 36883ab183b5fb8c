package procgroup

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/wait"
)

// start runs a shell script as a group and waits for its first line of output.
func start(t *testing.T, script string) (*Group, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	g, err := Start(cmd, time.Second)
	require.NoError(t, err)
	t.Cleanup(func() { g.Signal(syscall.SIGKILL) })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	return g, cmd
}

func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func TestWaitEmpty_WaitsForChildrenThatOutliveTheLeader(t *testing.T) {
	g, cmd := start(t, `sleep 60 & echo ready`)
	defer g.Release()
	require.NoError(t, cmd.Wait())
	require.ErrorIs(t, g.WaitEmpty(within(t, 100*time.Millisecond)), context.DeadlineExceeded)

	g.Signal(syscall.SIGINT) // a background job of a shell ignores it
	g.Signal(syscall.SIGKILL)
	require.NoError(t, g.WaitEmpty(within(t, time.Minute)))
}

func TestSignal_ReachesTheWholeGroup(t *testing.T) {
	g, cmd := start(t, `sh -c 'trap "exit 3" INT; echo ready; while :; do sleep 0.05; done'`)
	defer g.Release()
	g.Signal(syscall.SIGINT)
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.NoError(t, g.WaitEmpty(within(t, time.Minute)))
}

func TestGuard_EndsTheGroupWhenItsOwnerDies(t *testing.T) {
	g, cmd := start(t, `trap "" INT; echo ready; sleep 60`)
	require.NoError(t, g.guard.stdin.Close()) // what the kernel does to the pipe of a dead process
	require.Error(t, cmd.Wait(), "the guard interrupts, and kills what does not listen")
	require.NoError(t, g.WaitEmpty(within(t, time.Minute)))
	require.NoError(t, g.guard.cmd.Process.Kill())
}

func TestGuard_LeavesTheGroupAloneWhenItIsDismissed(t *testing.T) {
	g, cmd := start(t, `echo ready; sleep 60`)
	g.Release()
	assert.True(t, g.alive())
	g.Signal(syscall.SIGKILL)
	require.Error(t, cmd.Wait())
}

func TestGroupOf_ReadsWhatTheKernelWrites(t *testing.T) {
	for stat, want := range map[string]int{
		"12 (sh) S 1 77 77 0":                              77,
		"12 (a) Z (b) R 1 77 77 0":                         77,
		"12 (sh) Z 1 77 77 0":                              0,
		"12 (t) Z 1 77 77 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0": 0,
		"12 (t) Z 1 77 77 0 -1 4 0 0 0 0 0 0 0 0 20 0 9 0": 77,
		"":                             0,
		"12 (cut":                      0,
		"12 (name with ) paren) S 1 5": 5,
	} {
		assert.Equal(t, want, groupOf([]byte(stat)), stat)
	}
}

func TestStart_TellsWhatIsNotThere(t *testing.T) {
	_, err := Start(exec.Command("/nonexistent/program"), time.Second)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestStart_LeavesNoGuardBehind(t *testing.T) {
	g, cmd := start(t, `echo ready`)
	require.NoError(t, cmd.Wait())
	pid := g.guard.cmd.Process.Pid
	g.Release()
	require.NoError(t,
		wait.For(within(t, time.Minute), "the guard to be gone", 10*time.Millisecond, func(context.Context) error {
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				return errors.New("still there")
			}
			return nil
		}))
}
