package repository

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/wal"
)

// lister is a machine whose pgbackrest lists segments, and counts how often.
type lister struct {
	host.Host
	segments []int
	listings int
}

func (l *lister) Run(_ context.Context, command host.Command) (host.Result, error) {
	if !slices.Contains(command.Argv, "repo-ls") {
		return host.Result{}, fmt.Errorf("not asked: %q", command.Argv)
	}
	l.listings++
	var entries []string
	for _, n := range l.segments {
		name := wal.Segment{Timeline: 1, Number: uint64(n)}.Name(wal.DefaultSegmentSize)
		entries = append(entries, fmt.Sprintf(`"%s/%s-%040d":{"type":"file","size":5,"time":%d}`, name[:16], name, n,
			time.Now().Add(-time.Hour).Unix()))
	}
	return host.Result{Stdout: []byte("{" + strings.Join(entries, ",") + "}")}, nil
}

// silent is where nobody listens.
type silent struct{}

func (silent) Say(string, ...any)  {}
func (silent) Note(string, ...any) {}

// One listing is enough for every backup whose archive is whole in it. One in which it is not may be old: it is made
// anew before anything is said.
func TestFollowListed(t *testing.T) {
	on := &lister{segments: []int{1, 2, 3, 4}}
	c := Client{
		Repository: Repository{
			Stanza: "veza", Key: 1,
			Conf: load(t, s3).Conf,
		},
		Pgbackrest: &pgbackrest.Client{Host: on, Stanza: "veza", Repo: 1},
	}
	from := func(n int) wal.Start {
		segment := wal.Segment{Timeline: 1, Number: uint64(n)}
		return wal.Start{First: segment, Stop: segment}
	}
	var archive Archive
	for n := 1; n <= 4; n++ {
		again, chain, err := c.FollowListed(t.Context(), silent{}, archive, "archive/veza/15-1", from(n),
			wal.DefaultSegmentSize)
		require.NoError(t, err)
		assert.Len(t, chain.Entries, 5-n)
		archive = again
	}
	assert.Equal(t, 1, on.listings)

	on.segments = []int{1, 2, 4}
	_, _, err := c.FollowListed(t.Context(), silent{}, archive, "archive/veza/15-1", from(5), wal.DefaultSegmentSize)
	require.Error(t, err)
	assert.Equal(t, 2, on.listings)
	on.segments = []int{1, 2, 3, 4, 5}
	_, chain, err := c.FollowListed(t.Context(), silent{}, archive, "archive/veza/15-1", from(5),
		wal.DefaultSegmentSize)
	require.NoError(t, err, "it came since")
	assert.Len(t, chain.Entries, 1)
	assert.Equal(t, 3, on.listings)
}

// The archive is listed for its segment size only where the positions leave more than one.
func TestSegmentSize(t *testing.T) {
	backup := func(position, segment string) (b pgbackrest.Backup) {
		content := fmt.Appendf(nil, `{"archive":{"start":%q},"lsn":{"start":%q}}`, segment, position)
		require.NoError(t, json.Unmarshal(content, &b))
		return b
	}
	for name, c := range map[string]struct {
		backup   pgbackrest.Backup
		want     uint64
		listings uint64
	}{
		"the position tells": {backup("0/2000028", "000000010000000000000002"), 16 << 20, 0},
		"the names tell":     {backup("1/10000028", "000000010000000100000000"), 512 << 20, 1},
	} {
		on := &lister{segments: []int{256, 261}} // beyond what 4 GB hold at 1 GB
		client := Client{Pgbackrest: &pgbackrest.Client{Host: on, Stanza: "veza", Repo: 1}}
		size, err := client.SegmentSize(t.Context(), "archive/veza/15-1", c.backup, nil)
		require.NoError(t, err, name)
		assert.Equal(t, []uint64{c.want, c.listings}, []uint64{size, uint64(on.listings)}, name)
	}
}
