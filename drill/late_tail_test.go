package drill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// Only what lies beyond the switch and was replayed came back.
func TestCommittedBetween(t *testing.T) {
	found := postgres.Moments{Commits: []wal.LSN{10, 20, 30}}
	for name, c := range map[string]struct {
		from, replayed, want wal.LSN
	}{
		"the first of two":        {15, 40, 20},
		"at the switch":           {20, 40, 20},
		"before the switch":       {31, 40, 0},
		"after the target's stop": {15, 20, 0},
	} {
		at, committed := committedBetween(found, c.from, c.replayed)
		assert.Equal(t, c.want, at, name)
		assert.Equal(t, c.want != 0, committed, name)
	}
}

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
	beside := tail(-time.Minute)
	beside.Beside = true
	now := beside.Youngest().Time
	const wentOn = "what was committed there from the switch on does not come back"
	for name, c := range map[string]struct {
		late time.Duration // of the last commit, after the successor began
		real bool
		ago  time.Duration // the tail's youngest segment
		want reason.Reason
		said string
	}{
		"clocks that differ":        {clocksApart, false, 0, "", "an old primary's tail"},
		"two clusters at work":      {clocksApart + 1, false, 0, reason.TimelineConflict, ""},
		"two clusters an hour ago":  {clocksApart + 1, false, time.Hour, reason.TimelineConflict, ""},
		"two clusters for a while":  {clocksApart + 1, false, time.Hour + 1, "", wentOn},
		"restored for real":         {clocksApart + 1, true, 0, "", wentOn},
		"restored, a mere failover": {0, true, 0, "", "an old primary's tail"},
	} {
		found := postgres.Moments{Readable: true, Began: began, Commit: began.Add(c.late)}
		note, err := judgeTail(beside, found, c.real, now.Add(c.ago))
		requireReason(t, c.want, err, name)
		assert.Contains(t, note, c.said, name)
	}
	_, err := judgeTail(tail(time.Hour), postgres.Moments{Readable: true, Began: began, Commit: after}, true, now)
	requireReason(t, reason.TimelineConflict, err, "one that is younger than all of the newest timeline's")
	require.NoError(t, belongs(beside, postgres.Moments{}), "what nobody can read came soon")
}
