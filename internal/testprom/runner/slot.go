package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/gofrs/flock"

	"veza.fr/recovery/internal/reason"
)

// slotWait is how long a run waits for the host's slot unless -slot-wait says it: a night.
const slotWait = 6 * time.Hour

// slotEvery is how often it asks for it.
const slotEvery = 200 * time.Millisecond

// takeSlot waits until no other run of this host has the slot: two drills at once on one host take the processors and
// the disk from each other, and measure that. The kernel gives a slot back when its holder dies; a command does not
// inherit it. Where it does not come in time, or the run is ended meanwhile, there is nothing to judge: ok is false.
func (r *run) takeSlot() (release func(), ok bool) {
	if r.slot == "" {
		return func() {}, true
	}
	slot := flock.New(r.slot)
	begun := r.Now()
	ctx, cancel := context.WithTimeout(context.Background(), r.slotWait)
	defer cancel()
	var why reason.Reason
	var detail string
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case sig := <-r.signals:
			why = reason.Interrupted
			detail = fmt.Sprintf("testprom received the signal %q while it waited for -slot %s", sig, r.slot)
			cancel()
		case <-done:
		}
	}()
	locked, err := slot.TryLock()
	if !locked && err == nil {
		r.live.line(fmt.Sprintf("waiting until no other run has the slot %s, at most %s", r.slot, r.slotWait))
		locked, err = slot.TryLockContext(ctx, slotEvery)
	}
	close(done)
	<-watched
	switch {
	case why != "":
	case locked:
		if waited := r.Now().Sub(begun); waited > slotEvery {
			r.live.line(fmt.Sprintf("the slot %s was free after %s", r.slot, waited.Round(time.Second)))
		}
		return func() { _ = slot.Unlock() }, true // the end of the process does it as well
	case ctx.Err() != nil:
		why = reason.Locked
		detail = fmt.Sprintf("another run of this host had the slot %s for all of -slot-wait %s", r.slot, r.slotWait)
	default:
		why, detail = reason.ConfigInvalid, fmt.Sprintf("-slot %s: %v", r.slot, err)
	}
	_ = slot.Unlock() // it may have come together with the signal
	r.collector.Stop(why, detail)
	return func() {}, false
}
