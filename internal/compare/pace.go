package compare

import (
	"context"
	"sync"
	"time"
)

// Pace is a limit on how fast a server is read, over all sessions. The zero value is none.
type Pace struct {
	PerSecond int64 // bytes; 0 is as fast as it goes

	mu   sync.Mutex
	free time.Time // when what was read so far is paid for
}

// Wait waits until so many bytes that were read are paid for, or ctx ends.
func (p *Pace) Wait(ctx context.Context, bytes int64) {
	pause := p.owe(time.Now(), bytes)
	if pause <= 0 {
		return
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// owe is how long it takes from now until these bytes are paid for. What was not used before is lost: after a slow part
// no faster one follows.
func (p *Pace) owe(now time.Time, bytes int64) time.Duration {
	if p.PerSecond <= 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(float64(bytes) / float64(p.PerSecond) * float64(time.Second)))
	return p.free.Sub(now)
}
