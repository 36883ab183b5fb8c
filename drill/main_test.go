package drill

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
)

// pending are the settings of this run. They are validated by preflight, so that a
// bad one is reported like any other finding.
var pending = settings.Register(flag.CommandLine)

// interrupted is cancelled by the first signal; its cause says which.
var interrupted context.Context

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
			cancel(reason.Errorf(reason.Interrupted, "stopped by signal: %s", s))
		}
	}()
	os.Exit(m.Run())
}
