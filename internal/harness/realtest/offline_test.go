package realtest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// offline is a source whose newest backup was taken while it was stopped, and that lived on afterwards.
var offline = sync.OnceValues(func() (*source, error) {
	s := newSource("offline")
	return s, s.live(`
	CREATE TABLE users AS SELECT i AS id, 'x'::text AS name FROM pg_catalog.generate_series(1, 1000) i`,
		[]step{backUpStopped, more, more})
})

func backUpStopped(ctx context.Context, s *source) error {
	_, err := command(ctx, s.bin+"/pg_ctl", "stop", "-w", "-m", "fast", "-D", s.data())
	if err == nil {
		_, err = s.pgbackrest(ctx, "--type=full", "--no-online", "backup")
	}
	if err == nil {
		err = start(ctx, s.bin, s.dir, s.data())
	}
	return err
}

// A plain restore of an offline set replays nothing. This one replays all there is, and passes.
func TestRestore_OfflineSet(t *testing.T) {
	takesLong(t)
	n := lost(t, offline)
	o := n.restore()
	require.Equal(t, 0, o.Exit, o.Said)
	assert.NotContains(t, strings.Join(o.Report.Notes, "\n"), "--type=none")
	n.handedOver(o)
	n.start()
	assert.Equal(t, n.rows["end"], n.users())
	n.archives()
}
