package wait

import (
	"context"
	"time"
)

// Over says whether ctx has ended, by its deadline too. Ask it, not ctx.Err, after a call that
// dials: net.Dialer holds the deadline against the clock, ctx waits for a timer, and under
// load the dial comes first ("i/o timeout" from a daemon that is well).
func Over(ctx context.Context) bool {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done() // the timer is due: context.Cause is known after it
	}
	return ctx.Err() != nil
}
