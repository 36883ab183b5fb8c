package alerts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/procgroup"
	"veza.fr/recovery/internal/wait"
)

const (
	startTime = time.Minute // a server has to answer; seconds, on a machine that has nothing else to do
	stopTime  = 10 * time.Second
)

// listening is how both servers say which port they got: they are told to take a free one. Prometheus 3
// says its component between the two.
var listening = regexp.MustCompile(`msg="Listening on"[^\n]* address=(127\.0\.0\.1:\d+)`)

// serve runs a server that dies with the test, or with the test's process, and returns where
// it listens. What it said is shown when the test fails.
func serve(t *testing.T, program string, args ...string) string {
	t.Helper()
	address, _ := start(t, program, args...)
	return address
}

// start is serve of a server that can be killed before.
func start(t *testing.T, program string, args ...string) (address string, kill func()) {
	t.Helper()
	path, err := exec.LookPath(program)
	require.NoError(t, err, "%s is missing: .ci/packages %s", program, program)
	log := &log{}
	cmd := exec.Command(path, append(args, "--web.listen-address=127.0.0.1:0")...)
	cmd.Stdout, cmd.Stderr = log, log
	group, err := procgroup.Start(cmd, time.Second)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	kill = func() {
		group.Signal(syscall.SIGKILL) // there is nothing in its directory that anybody reads again
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		require.NoError(t, group.WaitEmpty(ctx))
	}
	t.Cleanup(func() {
		kill()
		group.Release()
		if t.Failed() {
			t.Logf("%s said:\n%s", program, log)
		}
	})

	within(t, startTime, program, func(context.Context) error {
		select {
		case err := <-ended:
			return wait.Stop(fmt.Errorf("it ended: %w: %s", err, log))
		default:
		}
		m := listening.FindStringSubmatch(log.String())
		if m == nil {
			return errors.New("it does not listen yet")
		}
		address = m[1]
		return nil
	})
	return address, kill
}

// within waits for a condition, at most for limit.
func within(t *testing.T, limit time.Duration, what string, condition func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	require.NoError(t, wait.For(ctx, what, 100*time.Millisecond, condition))
}

// log is written by a process and read by the test meanwhile.
type log struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}
