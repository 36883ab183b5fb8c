package docker

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// A container has as long as its caller, two minutes at most; and 20 s although the caller has none.
func TestRemoval(t *testing.T) {
	for name, c := range map[string]struct {
		caller, want time.Duration
	}{
		"nobody waits":                {0, destroyTime},
		"more than it takes":          {time.Hour, destroyTime},
		"the final step":              {2 * time.Minute, 2 * time.Minute},
		"after a signal":              {30 * time.Second, 30 * time.Second},
		"less than a container needs": {5 * time.Second, removeTime},
		"over before":                 {-1, removeTime},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.caller < 0 {
				cancel()
			} else if c.caller > 0 {
				defer time.AfterFunc(c.caller, cancel).Stop()
			}
			begun := time.Now()
			own, done := removal(ctx)
			defer done()
			<-own.Done()
			assert.Equal(t, c.want, time.Since(begun), name)
		})
	}
}
