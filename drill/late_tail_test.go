package drill

import (
	"testing"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// A commit after the switch is one of a second cluster; a tail that nobody can read is one that came soon.
func TestBelongs(t *testing.T) {
	noon := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	tail := func(late time.Duration) wal.Tail {
		return wal.Tail{Timeline: 1, Successor: 2, Began: noon, Newest: noon, Entries: []wal.Entry{{Time: noon.Add(late)}}}
	}
	for name, c := range map[string]struct {
		late          time.Duration
		began, commit time.Time
		want          reason.Reason
	}{
		"an old primary's, an hour late": {time.Hour, noon.Add(-time.Minute), noon.Add(-time.Hour), ""},
		"a second cluster's, at once":    {time.Second, noon, noon.Add(time.Second), reason.TimelineConflict},
		"by the history alone":           {time.Second, time.Time{}, noon.Add(time.Second), reason.TimelineConflict},
		"unreadable, soon":               {time.Minute, noon, time.Time{}, ""},
		"unreadable, an hour late":       {time.Hour, noon, time.Time{}, reason.TimelineConflict},
	} {
		requireReason(t, c.want, belongs(tail(c.late), c.began, c.commit), name)
	}
}
