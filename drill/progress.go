package drill

import (
	"context"
	"time"
)

// watch takes a look at long work from time to time, until the function it returns is called.
func watch(ctx context.Context, look func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(lookEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				look(ctx)
			}
		}
	}()
	return func() { cancel(); <-done }
}
