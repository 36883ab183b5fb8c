package suite

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/reason"
)

// Bounds of clean-up.
const (
	cleanupGrace = 45 * time.Second // kept free at the end of the test's deadline
	stepGrace    = 30 * time.Second // one clean-up
	finalTime    = 2 * time.Minute  // the final step, where nobody waits for it: a busy daemon takes its time
)

// interrupted is cancelled by the first signal; its cause says which.
var interrupted = context.Background()

// heard says whether standard output still has a reader. Asked for, SIGPIPE comes for any
// descriptor (package os/signal), and only this one means that nobody waits for us any more.
func heard() bool {
	output := []unix.PollFd{{Fd: int32(os.Stdout.Fd()), Events: unix.POLLOUT}} //nolint:forbidigo // asked, not written
	_, err := unix.Poll(output, 0)
	return err == nil && output[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) == 0
}

// Main is a suite's TestMain, flags parsed: its tests' contexts end with the first signal.
// Without -run and -short only the test alone runs: a drill in production is the drill and
// nothing else, and no unit test of ours may have a say in its verdict. "" runs all.
func Main(m interface{ Run() int }, alone string) int {
	if run := flag.Lookup("test.run"); alone != "" && run.Value.String() == "" && !short() {
		if err := run.Value.Set("^" + alone + "$"); err != nil {
			panic(err) // a string takes any value
		}
	}
	Listen()
	return m.Run()
}

// short says whether the test binary was given -short; a program knows no such flag.
func short() bool {
	given := flag.Lookup("test.short")
	return given != nil && given.Value.String() == "true"
}

// Listen lets the first signal end the contexts of all runs; it is for Main and for programs. No
// signal ends the process from then on: what a run made it also cleans up. SIGHUP is left alone where
// it is ignored, as nohup leaves it.
func Listen() {
	ctx, cancel := context.WithCancelCause(context.Background())
	interrupted = ctx
	signals := make(chan os.Signal, 1)
	// SIGPIPE too: when cmd/go is killed our output has no reader any more, and by
	// default the second line written would kill us in the middle of the clean-up (facts G).
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		for s := range signals {
			if s == syscall.SIGPIPE && heard() {
				continue // a socket of ours lost its other end: whoever uses it is told
			}
			cancel(reason.Errorf(reason.Interrupted, "stopped by signal: %s", s))
		}
	}()
}

// Context is the run's: it ends with a signal, or a grace period before the test's
// deadline, because -timeout runs no clean-up at all.
func Context(t interface {
	Helper()
	Deadline() (time.Time, bool)
	Cleanup(do func())
},
) context.Context {
	t.Helper()
	deadline, ok := t.Deadline()
	if !ok {
		return interrupted
	}
	grace := min(cleanupGrace, time.Until(deadline)/5)
	ctx, cancel := context.WithDeadlineCause(
		interrupted,
		deadline.Add(-grace),
		reason.Errorf(reason.Timeout, "the deadline of %s is spent (go test -timeout, less %s for clean-up)",
			time.Until(deadline).Round(time.Second), grace.Round(time.Second)),
	)
	t.Cleanup(cancel)
	return ctx
}

// Over is when a run is over at the latest, clean-up included; zero when nobody knows.
func Over(ctx context.Context) time.Time {
	if deadline, ok := ctx.Deadline(); ok {
		return deadline.Add(cleanupGrace)
	}
	return time.Time{}
}

// Cleanup is a context for clean-up: that of the run may be over already.
func Cleanup() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), stepGrace)
}
