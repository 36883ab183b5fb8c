package standby_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/standby"
	"veza.fr/recovery/internal/wait"
)

// A standby that has received what it does not replay is behind; one that catches up within two seconds is not, nor is
// one that a quiet primary sends nothing. Digests under way end when it falls behind.
func TestBehind(t *testing.T) {
	s := production(t)
	config, err := s.Standby()
	require.NoError(t, err)
	beside, o := connect(t, config), open(t, s)
	frozen, err := o.Freeze(t.Context())
	require.NoError(t, err)
	primary, err := s.Connect(t.Context())
	require.NoError(t, err)
	defer primary.Close(context.Background()) //nolint:errcheck // what was written is committed
	const most = 50 * time.Millisecond
	behind := func() time.Duration {
		t.Helper()
		lag, failed := o.Behind(t.Context(), most)
		require.NoError(t, failed)
		return lag
	}

	assert.Zero(t, behind(), "nothing was written for a while")
	_, err = beside.Exec(t.Context(), "SELECT pg_wal_replay_pause()")
	require.NoError(t, err)
	_, err = primary.Exec(t.Context(), "CREATE TABLE late AS SELECT generate_series(1, 1000)")
	require.NoError(t, err)
	bound, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, wait.For(bound, "what was written", 20*time.Millisecond, func(ctx context.Context) error {
		return beside.QueryRow(ctx, "SELECT 1 / (pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn())::int").
			Scan(new(int))
	}))
	assert.Greater(t, behind(), most)
	unasked, err := o.Behind(t.Context(), 0)
	require.NoError(t, err)
	assert.Zero(t, unasked, "0 is no bound")

	// At this rate the digests would take hours.
	left, err := o.Digest(t.Context(), &frozen, standby.Ask{Seeds: compare.NewSeeds(), Behind: most, Rate: 100})
	require.NoError(t, err, "what it was not asked is left out")
	assert.Regexp(t, "the standby fell behind: by .*, -compare-lag is 50ms", left)
	assert.Less(t, len(frozen.Side.Digests), len(compare.Parts(frozen.Side.Objects)))

	_, err = beside.Exec(t.Context(), "SELECT pg_wal_replay_resume()")
	require.NoError(t, err)
	assert.Zero(t, behind())
}
