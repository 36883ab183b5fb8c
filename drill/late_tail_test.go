package drill

import (
	"testing"
	"time"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// A commit after the switch is one of a second cluster; a tail that nobody can read is one that came soon.
func TestBelongs(t *testing.T) {
	began := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	before, after := began.Add(-1), began.Add(1)
	tail := func(late time.Duration) wal.Tail {
		return wal.Tail{
			Timeline: 1, Successor: 2, Began: began, Newest: began, Entries: []wal.Entry{{Time: began.Add(late)}},
		}
	}
	for name, c := range map[string]struct {
		late  time.Duration
		found postgres.Moments
		want  reason.Reason
	}{
		"an old primary's, an hour late": {
			time.Hour, postgres.Moments{Readable: true, Began: began, Commit: before}, "",
		},
		"no commit in it": {time.Hour, postgres.Moments{Readable: true}, ""},
		"a second cluster's, at once": {
			time.Second, postgres.Moments{Readable: true, Began: began, Commit: after}, reason.TimelineConflict,
		},
		"by the history alone": {time.Second, postgres.Moments{Commit: after}, reason.TimelineConflict},
		"unreadable, soon":     {time.Minute, postgres.Moments{}, ""},
		"unreadable, an hour late": {
			time.Hour, postgres.Moments{Began: began, Commit: before}, reason.TimelineConflict,
		},
	} {
		requireReason(t, c.want, belongs(tail(c.late), c.found), name)
	}
}
