package drill

import (
	"context"
	"time"

	"veza.fr/recovery/internal/reason"
)

// noRoom is how long a replay may stand still on a disk with no room for another segment. PostgreSQL says at once that
// a disk is full; an asynchronous archive-get that cannot write a segment cannot write why either, and is waited for.
const noRoom = 10 * time.Second

// standstill is a replay with no room for another segment.
type standstill struct {
	since    time.Time // the zero time: it is none
	segments int       // that were replayed by then
}

// look takes another look at the replay, and says whether it has stood still for too long.
func (s *standstill) look(now time.Time, segments int, done bool, free, segmentSize int64) bool {
	if done || free >= segmentSize {
		*s = standstill{}
		return false
	}
	if s.since.IsZero() || segments > s.segments {
		*s = standstill{since: now, segments: segments}
	}
	return now.Sub(s.since) >= noRoom
}

// whileThereIsRoom is a context that ends, as disk_space, when the replay has stood still on a full disk for noRoom.
// Call stop when it is over.
func (r *recovered) whileThereIsRoom(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var still standstill
	stopWatch := watch(ctx, func(ctx context.Context) {
		free, err := freeSpace(ctx, r.box)
		log, unread := r.cluster.server.ReadLog(ctx)
		if err != nil || unread != nil { // the next look will do
			return
		}
		if still.look(time.Now(), log.Segments(), !log.RedoDone.IsZero(), free, int64(r.plan.segmentSize)) {
			cancel(reason.Errorf(reason.DiskSpace, "the replay stands still after %d segments, and %s are free in %s",
				log.Segments(), megabytes(free), r.box.Dir("data")))
		}
	})
	return ctx, func() { stopWatch(); cancel(nil) }
}
