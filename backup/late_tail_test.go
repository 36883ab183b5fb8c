package backup

import (
	"testing"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// Without a restore the primary tells which timeline is production's, else the clock does.
func TestLateTails(t *testing.T) {
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	chain := func(late time.Duration) wal.Chain {
		return wal.Chain{Target: 2, Late: []wal.Tail{{
			Timeline: 1, Successor: 2, Newest: at, Entries: []wal.Entry{{Time: at.Add(late)}},
		}}}
	}
	on := func(segment string) *archiver { return &archiver{lastWAL: segment} }
	for name, c := range map[string]struct {
		chain   wal.Chain
		primary *archiver
		want    reason.Reason
	}{
		"none":                      {wal.Chain{}, nil, ""},
		"soon, nobody to ask":       {chain(time.Minute), nil, ""},
		"late, nobody to ask":       {chain(time.Hour), nil, reason.TimelineConflict},
		"late, and none archived":   {chain(time.Hour), on(""), reason.TimelineConflict},
		"late, and it is down":      {chain(time.Hour), &archiver{unasked: true}, ""},
		"the primary is on the new": {chain(time.Hour), on("000000020000000000000009"), ""},
		"the primary is on the old": {chain(time.Minute), on("000000010000000000000009"), reason.TimelineConflict},
		"on the old, of 1 MB":       {chain(time.Hour), on("000000010000000000000FFD"), reason.TimelineConflict},
		"on the new, of 1 MB":       {chain(time.Hour), on("000000020000000000000FFD"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			out, _ := listen()
			requireReason(t, c.want, lateTails(out, c.chain, c.primary))
		})
	}
}
