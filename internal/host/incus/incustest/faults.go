package incustest

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// whileRunning does something in the middle of a command and returns what became of it.
func whileRunning(t *testing.T, s *incus.Sandbox, act func()) error {
	t.Helper()
	started, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := s.Run(soon(t),
			host.Command{Argv: []string{"sh", "-c", "echo started; sleep 300; true"}, Stdout: signal(started)})
		ended <- err
	}()
	<-started
	act()
	return <-ended
}

// notTheCommands asserts that nobody invented an exit status for a command.
func notTheCommands(t *testing.T, err error) {
	t.Helper()
	requireReason(t, reason.SandboxFailed, err)
	_, invented := errors.AsType[*host.ExitError](err)
	assert.False(t, invented, "%v", err)
}

func testContainerKilled(t *testing.T) {
	for name, act := range map[string]func(name string){
		"Stopped":    func(name string) { command(t, "incus", "stop", "--force", name) },
		"Restarted":  func(name string) { command(t, "incus", "restart", "--force", name) },
		"InitKilled": func(name string) { killInit(t, name) },
	} {
		t.Run(name, func(t *testing.T) {
			s := Launch(t, incus.Provider{}, sandbox.Spec{})
			err := whileRunning(t, s, func() { act("local:" + s.Name()) })
			notTheCommands(t, err)
			assert.ErrorContains(t, err, s.Name())
		})
	}
	t.Run("CommandKilled", func(t *testing.T) {
		s := Launch(t, incus.Provider{}, sandbox.Spec{})
		err := whileRunning(t, s, func() { as(t, s, "root", "kill -9 $(pgrep -f 'echo [s]tarted')") })
		requireExit(t, 128+9, err)
	})
}

// testDaemonFaults: a daemon of the test's own hangs, is full, and is killed.
func testDaemonFaults(t *testing.T) {
	t.Setenv(projectVariable, "")
	d := ownDaemon(t)
	t.Run("Hangs", func(t *testing.T) {
		s := Launch(t, incus.Provider{}, sandbox.Spec{})
		hosttest.Freeze(t, d.cmd.Process)
		begin := time.Now()
		_, err := incus.Connect(soon(t), "", "")
		requireReason(t, reason.SandboxFailed, err, "daemon")
		_, err = s.Run(soon(t), host.Command{Argv: []string{"true"}})
		notTheCommands(t, err)
		assert.Less(t, time.Since(begin), patience)
		require.NoError(t, d.cmd.Process.Signal(syscall.SIGCONT))
	})
	t.Run("RestartedWhileACommandRuns", func(t *testing.T) {
		s := Launch(t, incus.Provider{}, sandbox.Spec{})
		err := whileRunning(t, s, func() { d.kill(); d.start() })
		notTheCommands(t, err)
		assert.ErrorContains(t, err, "daemon")
	})
	t.Run("DestroyBearsWithARestart", func(t *testing.T) {
		s := Launch(t, incus.Provider{}, sandbox.Spec{})
		d.kill()
		destroyed := make(chan error, 1)
		go func() { destroyed <- s.Destroy(soon(t)) }()
		d.start()
		require.NoError(t, <-destroyed)
		require.NoError(t, s.Gone(soon(t)))
	})
	t.Run("PoolFull", func(t *testing.T) {
		d.smallPool()
		testRoom(t)
		_, err := try(t, incus.Provider{}, sandbox.Spec{})
		requireReason(t, reason.DiskSpace, err)
	})
}
