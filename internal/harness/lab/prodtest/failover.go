package prodtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/wait"
)

// failoverTime bounds the promotion: the monitor lets a minute pass before it believes that
// a node is dead.
const failoverTime = 3 * time.Minute

// failover: the primary's power is cut. The other node takes over, and archives on its new
// timeline by the settings it always had; the old one comes back as its standby.
func failover(t *testing.T, p *production) {
	old, next := p.roles(t)
	before := p.timeline(t, old)
	defer took(t, "failover")()
	require.NoError(t, p.lab.Stop(t.Context(), old))
	ctx, cancel := context.WithTimeout(t.Context(), failoverTime)
	defer cancel()
	require.NoError(t, wait.For(ctx, next+" to take writes", time.Second, func(ctx context.Context) error {
		primary, err := p.lab.Writable(ctx)
		if err == nil && primary != next {
			err = fmt.Errorf("%s does", primary)
		}
		return err
	}))
	after := p.timeline(t, next)
	require.Equal(t, before+1, after)
	p.switched = fmt.Sprintf("timeline %d -> %d at", before, after)
	require.NoError(t, wait.For(ctx, next+" to archive on its timeline", time.Second, func(context.Context) error {
		last := p.psql(t, next, "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver")
		if !strings.HasPrefix(last, fmt.Sprintf("%08X", after)) || strings.HasSuffix(last, ".history") {
			return errors.New("its last archived segment is " + last)
		}
		return nil
	}))
	require.NoError(t, p.lab.Start(t.Context(), old))
	require.NoError(t, p.lab.Stable(t.Context()))
	primary, standby := p.roles(t)
	assert.Equal(t, []string{next, old}, []string{primary, standby})
	p.segments(t, next, 1)
}

// timeline is what a primary writes on.
func (p *production) timeline(t *testing.T, node string) int {
	t.Helper()
	timeline := p.psql(t, node, "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)")
	number, err := strconv.ParseInt(timeline, 16, 32)
	require.NoError(t, err)
	return int(number)
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}
