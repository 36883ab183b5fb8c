package repository

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// large is an archive whose listing takes its time. Segment 2 comes in the end, or never.
type large struct {
	host.Host
	listing time.Duration
	filled  time.Time // when the hole is, zero for never
	written time.Time // when the others were archived
	looks   int
}

func (l *large) Run(ctx context.Context, _ host.Command) (host.Result, error) {
	l.looks++
	there := []uint64{1, 3}
	if !l.filled.IsZero() && !time.Now().Before(l.filled) {
		there = append(there, 2)
	}
	select {
	case <-ctx.Done():
		return host.Result{}, context.Cause(ctx)
	case <-time.After(l.listing):
	}
	var entries []string
	for _, n := range there {
		name := wal.Segment{Timeline: 1, Number: n}.Name(wal.DefaultSegmentSize)
		entries = append(entries, fmt.Sprintf(`"%s/%s-%040d":{"type":"file","size":5,"time":%d}`, name[:16], name, n,
			l.written.Unix()))
	}
	return host.Result{Stdout: []byte("{" + strings.Join(entries, ",") + "}")}, nil
}

// A hole that an asynchronous push may still fill is looked at until it is old, however long a listing takes: the
// listing of a large archive is no store that does not answer. A conf that says nothing is not believed at once, for it
// need not be that of who pushes; one that says no is.
func TestFollow_AsyncAndALongListing(t *testing.T) {
	const on = "[global:archive-push]\narchive-async=y\n"
	for _, c := range []struct {
		name            string
		conf            string
		listing, filled time.Duration // filled 0 is never
		age             time.Duration // of the segments, when the first listing begins
		looks           int
		why             reason.Reason
	}{
		{"filled at once", on, 90 * time.Second, time.Second, 0, 2, reason.None},
		{"filled late, of a short listing", on, time.Second, 45 * time.Second, 0, 24, reason.None},
		{"never filled", on, 90 * time.Second, 0, 0, 3, reason.WALMissing},
		{"never filled, of a short listing", on, time.Second, 0, 0, 32, reason.WALMissing},
		{"old", on, 90 * time.Second, 0, 2 * time.Minute, 1, reason.WALMissing},
		{"not said, filled soon", "", time.Second, 8 * time.Second, 0, 4, reason.None},
		{"not said, filled late", "", time.Second, 45 * time.Second, 0, 5, reason.WALMissing},
		{"not said, never filled, of a long listing", "", 90 * time.Second, 0, 0, 3, reason.WALMissing},
		{"not said, old", "", time.Second, 3 * time.Second, 2 * time.Minute, 1, reason.WALMissing},
		{
			"said of archive-get", "[global:archive-get]\narchive-async=n\n",
			time.Second, 3 * time.Second, 0, 3, reason.None,
		},
		{"off", "[veza:archive-push]\narchive-async=n\n", time.Second, 3 * time.Second, 0, 1, reason.WALMissing},
		{"off everywhere", "[global]\narchive-async=n\n", time.Second, 3 * time.Second, 0, 1, reason.WALMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				on := &large{listing: c.listing, written: time.Now().Add(-c.age)}
				if c.filled > 0 {
					on.filled = time.Now().Add(c.filled)
				}
				client := Client{
					Repository: load(t, s3+c.conf),
					Pgbackrest: &pgbackrest.Client{Host: on, Stanza: "veza", Repo: 1},
				}
				first := wal.Segment{Timeline: 1, Number: 1}
				_, chain, err := client.Follow(t.Context(), silent{}, "archive/veza/15-1",
					wal.Start{First: first, Stop: first}, wal.DefaultSegmentSize)
				assert.Equal(t, c.looks, on.looks)
				if c.why == reason.None {
					require.NoError(t, err)
					assert.Len(t, chain.Entries, 3)
					return
				}
				why, _ := reason.Of(err)
				assert.Equal(t, c.why, why, err)
			})
		})
	}
}
