package prodtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	require.NoError(t, wait.For(ctx, next+" to archive on its timeline", time.Second, func(context.Context) error {
		if last := p.psql(t, next, "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver"); !strings.HasPrefix(last, "00000002") || strings.HasSuffix(last, ".history") {
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

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}
