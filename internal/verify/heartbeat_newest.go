package verify

import (
	"fmt"
	"time"
)

// NewestHeartbeat is the one that goes on among all that came back, in whichever database and
// schema: the newest row of any tells the newest moment. One that is ahead of limit, by more than
// two clocks may differ, counts only where there is no other; a zero limit is none. The notes name
// the others that have ended, or are ahead; nil is none.
func NewestHeartbeat(list []Heartbeat, limit time.Time) (newest *Heartbeat, notes []string) {
	ahead := func(h *Heartbeat) bool {
		return !limit.IsZero() && h.NewestAt.Sub(limit) > clockTolerance
	}
	for i := range list {
		h := &list[i]
		if newest == nil || ahead(newest) && !ahead(h) ||
			ahead(newest) == ahead(h) && h.NewestAt.After(newest.NewestAt) {
			newest = h
		}
	}
	for i := range list {
		h := &list[i]
		switch silent := newest.NewestAt.Sub(h.NewestAt); {
		case h == newest:
		case ahead(h) && !ahead(newest):
			notes = append(notes, fmt.Sprintf("database %s: the newest row of %s is of %s, which is still to come: "+
				"it is passed over", h.Database, h.Table, h.NewestAt.UTC().Format(time.RFC3339)))
		case silent > pauseFactor*max(h.Interval, 10*time.Second):
			notes = append(notes, fmt.Sprintf("database %s: the newest row of %s is of %s, and %s in database %s "+
				"goes on: nobody writes it any more, and it can be dropped", h.Database, h.Table,
				h.NewestAt.UTC().Format(time.RFC3339), newest.Table, newest.Database))
		}
	}
	return newest, notes
}
