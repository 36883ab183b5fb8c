package backup

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
	"veza.fr/recovery/internal/wal"
)

// The bound follows archive_timeout; the budget is the most, and all there is without a timeout.
func TestAllowed(t *testing.T) {
	for _, c := range []struct{ budget, timeout, want time.Duration }{
		{2 * time.Minute, time.Minute, 90 * time.Second},
		{2 * time.Minute, 5 * time.Second, 35 * time.Second},
		{2 * time.Minute, 5 * time.Minute, 2 * time.Minute},
		{2 * time.Second, time.Minute, 2 * time.Second},
		{2 * time.Minute, 0, 2 * time.Minute},
	} {
		assert.Equal(t, c.want, allowed(c.budget, c.timeout), "%v", c)
	}
	assert.Equal(t, 3*time.Minute, patience(90*time.Second))
	assert.Equal(t, 5*time.Second, patience(time.Second), "a few looks in any case")
}

// A late row is rpo_exceeded, whether it came or not; a run that was stopped, and a failure
// with a reason of its own, say nothing about the row.
func TestArrival_Judge(t *testing.T) {
	const limit = 35 * time.Second
	denied, stop := reason.Errorf(reason.RepoDenied, "403"), reason.Errorf(reason.Interrupted, "stopped by signal")
	for _, c := range []struct {
		name    string
		delay   time.Duration
		waited  error
		stopped bool
		why     reason.Reason // "" is a pass
		came    bool
		says    string
	}{
		{"InTime", 5 * time.Second, nil, false, "", true, ""},
		{"JustInTime", limit, nil, false, "", true, ""},
		{
			"Late", limit + time.Second, nil, false, reason.RPOExceeded, true,
			"in the repository after 36s; at most 35s are allowed: archive_timeout 5s",
		},
		{
			"Never", 70 * time.Second, context.DeadlineExceeded, false, reason.RPOExceeded, false,
			"is not in the repository after 1m10s",
		},
		{"Stopped", time.Second, stop, true, reason.Interrupted, false, "signal"},
		{"StoppedWithoutAReason", time.Second, context.Canceled, true, "", false, "canceled"},
		{"Denied", time.Second, denied, false, reason.RepoDenied, false, "403"},
	} {
		t.Run(c.name, func(t *testing.T) {
			row, err := arrival{c.delay, limit, 5 * time.Second}.judge(c.waited, c.stopped)
			requireReason(t, c.why, err)
			assert.Equal(t, c.came, row.came())
			assert.Equal(t, limit, row.limit)
			if c.says == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.says)
			}
		})
	}
}

// The slowest row is published, also when the next one was late.
func TestMeasureRows(t *testing.T) {
	const limit = 35 * time.Second
	const timeout = 5 * time.Second
	rows := []arrival{
		{5 * time.Second, limit, timeout}, {7 * time.Second, limit, timeout}, {6 * time.Second, limit, timeout},
	}
	measure := func(last error) func() (arrival, error) {
		i := -1
		return func() (arrival, error) {
			if i++; i == len(rows)-1 {
				return rows[i], last
			}
			return rows[i], nil
		}
	}
	out, said := listen()
	require.NoError(t, measureRows(out, 3, measure(nil)))
	assert.Equal(t, []string{
		"metric.rpo_seconds=7", "metric.rpo_budget_seconds=35",
		"note=the slowest of 3 rows that were written at random moments was in the repository after 7.0 s; one that " +
			"just misses a switch of segments takes up to archive_timeout (5s) more; 35s are allowed",
	}, said.attrs)
	assert.Equal(t, 3, strings.Count(said.lines.String(), "round "))

	out, said = listen()
	require.NoError(t, measureRows(out, 1, func() (arrival, error) { return arrival{delay: 1, limit: limit}, nil }))
	assert.Contains(t, said.attrs, "note=a row that was written at a random moment was in the repository after 0.0 s; "+
		"without an archive_timeout another one waits until its segment is full; 35s are allowed")

	out, said = listen()
	rows[2] = arrival{limit: limit} // it never came
	late := errors.New("late")
	require.ErrorIs(t, measureRows(out, 5, measure(late)), late, "no round after a late one")
	assert.Contains(t, said.attrs, "metric.rpo_seconds=7")

	out, said = listen()
	require.ErrorIs(t, measureRows(out, 1, func() (arrival, error) { return arrival{}, late }), late)
	assert.Empty(t, said.attrs, "nothing was measured")
}

// A segment is there by the whole name of its file; what is the repository's fault ends the wait.
func TestHolds(t *testing.T) {
	const segment = "00000001000000000000000A"
	sum := "-" + strings.Repeat("ab", 20)
	files := func(path string) []wal.File {
		return []wal.File{{Path: "000000010000000000000009" + sum + ".zst"}, {Path: path}}
	}
	require.NoError(t, holds(files(segment+sum+".zst"), nil, segment, files("")))
	require.NoError(t, holds(files(segment+sum), nil, segment, files(segment+sum+".zst.pgbackrest.tmp")))
	for _, path := range []string{
		segment + ".partial" + sum + ".zst", segment, "00000001000000000000000B" + sum + ".zst", segment + "-bb.zst",
		segment + sum + ".zst.pgbackrest.tmp", segment + sum + ".pgbackrest.tmp",
	} {
		require.Error(t, holds(files(path), nil, segment, nil), path)
	}
	require.Error(t, holds(files("00000002.history-bb"), nil, "00000002.history", nil), "no segment")
	permanent := func(err error) bool { _, ok := errors.AsType[*wait.Permanent](err); return ok }
	assert.True(t, permanent(holds(nil, reason.Errorf(reason.RepoDenied, "403"), segment, nil)))
	assert.False(t, permanent(holds(nil, reason.Errorf(reason.RepoUnreachable, "refused"), segment, nil)))
	assert.False(t, permanent(holds(nil, errors.New("without a reason"), segment, nil)))
	assert.False(t, permanent(holds(nil, nil, segment, nil)))
	// Of another cluster: it is there before the row.
	err := holds(files(segment+sum+".zst"), nil, segment, files(segment+sum+".zst"))
	assert.True(t, permanent(err))
	requireReason(t, reason.TimelineConflict, err)
}
