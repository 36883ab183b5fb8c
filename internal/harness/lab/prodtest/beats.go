package prodtest

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/wait"
)

// beatsTime bounds the wait for some heartbeat rows; the inventory asks for one every two seconds.
const beatsTime = 30 * time.Second

// beats: the primary writes heartbeat rows, without a hole, and the standby's unit waits and writes
// none: its rows are the primary's.
func beats(t *testing.T, p *production) {
	primary, standby := p.roles(t)
	const unit = "pgbackrest-heartbeat.service"
	ctx, cancel := context.WithTimeout(t.Context(), beatsTime)
	defer cancel()
	for _, node := range []string{primary, standby} { // a failover ends its session, and systemd begins another
		require.NoError(t, wait.For(ctx, unit+" of "+node, time.Second, func(ctx context.Context) error {
			said, err := p.try(ctx, node, "systemctl", "is-active", unit)
			if err != nil {
				return fmt.Errorf("%s: %w", said, err)
			}
			return nil
		}))
	}
	newest := func(node string) int {
		n, err := strconv.Atoi(p.psql(t, node, "SELECT coalesce(max(seq), 0) FROM public.veza_heartbeat"))
		require.NoError(t, err)
		return n
	}
	first := newest(primary)
	require.NoError(t, wait.For(ctx, "three heartbeat rows more", time.Second, func(context.Context) error {
		if now := newest(primary); now < first+3 {
			return fmt.Errorf("heartbeat row %d after %d", now, first)
		}
		return nil
	}))
	assert.Equal(t, "0", p.psql(t, primary, "SELECT max(seq) - min(seq) + 1 - count(*) FROM public.veza_heartbeat"),
		"numbers are missing")
	assert.Empty(t, p.on(t, standby, "journalctl", "-q", "-u", unit, "-p", "err", "--no-pager", "-o", "cat"),
		"the standby complains of nothing")
}
