package drill

import (
	"context"
	"fmt"
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

// progressLine is "1.2 of 4.0 GB (30 %), 150 MB/s, 19 s left".
func progressLine(size, total int64, spent time.Duration) string {
	rate := float64(size) / spent.Seconds()
	line := fmt.Sprintf("%s of %s", megabytes(size), megabytes(total))
	if total > 0 {
		line += fmt.Sprintf(" (%d %%)", min(size*100/total, 100))
	}
	line += fmt.Sprintf(", %s/s", megabytes(int64(rate)))
	if rate > 0 && total > size {
		line += fmt.Sprintf(", %s left",
			time.Duration(float64(total-size)/rate*float64(time.Second)).Round(time.Second))
	}
	return line
}
