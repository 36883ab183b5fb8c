//go:build drill

package lab_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/lab"
	"veza.fr/recovery/internal/harness/lab/labtest"
)

// The lab that is up on this machine does what it is there for: the store answers, the
// database writes heartbeat rows and archives, its backups can be listed. The formation is
// the story of production's, which may have switched a node off at this moment.
func TestLab(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l, err := lab.Open(ctx)
	require.NoError(t, err)
	require.NoError(t, l.CheckPlain(ctx))
	info, err := l.Pgbackrest(ctx, "info")
	require.NoError(t, err)
	assert.Contains(t, string(info), "status: ok")
}

func TestDrills(t *testing.T) { labtest.Run(t) }
