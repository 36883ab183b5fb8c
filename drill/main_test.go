package drill

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
)

// pending are the settings of this run. They are validated by preflight, so that a
// bad one is reported like any other finding.
var pending = settings.Register(flag.CommandLine)

// interrupted is cancelled by the first signal; its cause says which.
var interrupted context.Context

// heard says whether standard output still has a reader. Asked for, SIGPIPE comes for any
// descriptor (package os/signal), and only this one means that nobody waits for us any more.
func heard() bool {
	output := []unix.PollFd{{Fd: int32(os.Stdout.Fd()), Events: unix.POLLOUT}}
	_, err := unix.Poll(output, 0)
	return err == nil && output[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) == 0
}

func TestMain(m *testing.M) {
	flag.Parse()
	ctx, cancel := context.WithCancelCause(context.Background())
	interrupted = ctx
	signals := make(chan os.Signal, 1)
	// SIGPIPE too: when cmd/go is killed our output has no reader any more, and by
	// default the second line written would kill us in the middle of the clean-up (facts G).
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	go func() {
		for s := range signals {
			if s == syscall.SIGPIPE && heard() {
				continue // a socket of ours lost its other end: whoever uses it is told
			}
			cancel(reason.Errorf(reason.Interrupted, "stopped by signal: %s", s))
		}
	}()
	os.Exit(m.Run())
}
