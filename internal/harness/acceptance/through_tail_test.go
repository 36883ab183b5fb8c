package acceptance

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
)

// As long as the primary of a failover has archived nothing, recovery goes through what the old one archived beyond the
// switch: what was committed there came back, and production does not have it.
func TestThroughTheTail(t *testing.T) { throughTailFaults.run(t) }

const newOnes = "{wal}/0000000200000000/*-*"

var throughTailFaults = faults("TestThroughTheTail", twoEnds, []fault{
	{
		name: "NothingOfTheNew", inject: without(newOnes),
		exit: 1, why: reason.TimelineConflict, step: "recover",
		words: "timeline 2 has archived nothing yet, and recovery went on on timeline 1 | production does not have it",
	},
	{
		name: "NothingCommittedThere", users: "before",
		inject: allOf(without(newOnes), func(rc *repoCopy) {
			files := onTimeline1(rc)
			for _, file := range files[len(files)-2:] {
				require.NoError(rc.t, os.Remove(file))
			}
		}),
		exit: 0, why: reason.None, words: "nothing was committed there", never: "not read",
	},
	{
		name: "OnceTheNewArchived", exit: 0, why: reason.None,
		words: "timeline 1 has 2 segments beyond the switch to timeline 2: an old primary's tail, not read",
		never: "archived nothing yet",
	},
})

// twoEnds is a cluster that was down while its standby was promoted: it came up again, archived a checkpoint and, in
// the next segments, rows that its standby never got.
var twoEnds = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 1000}, "twoends")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	program, standby := filepath.Join(c.BinDir, "pg_ctl"), c.data()+".standby"
	if err = inOrder(
		func() error { return c.grow(ctx) },
		func() error { return c.sql(ctx, "postgres", moreUsers) },
		func() error { return c.note(ctx, marks, "before") },
		func() error { return c.Stop(ctx) },
		func() error { return c.command(ctx, "cp", "-a", c.data(), standby) },
		func() error { return c.Start(ctx) },
		func() error { return c.sql(ctx, "postgres", `CHECKPOINT`) },
		func() error { return c.archive(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.command(ctx, program, "stop", "-s", "-m", "immediate", "-D", c.data()) },
		func() error { return c.command(ctx, "rm", "-rf", c.data()) },
		func() error { return c.command(ctx, "mv", standby, c.data()) },
		func() error {
			return c.Machine.Put(ctx, filepath.Join(c.data(), "standby.signal"), nil, 0o600, "")
		},
		func() error { return c.Start(ctx) },
		func() error { return c.command(ctx, program, "promote", "-s", "-w", "-D", c.data()) },
		func() error { return c.grow(ctx) },
		func() error { return c.note(ctx, marks, "end") },
		func() error { return c.Stop(ctx) },
	); err != nil {
		return liveSeed{}, err
	}
	s, err := c.freeze(ctx, "twoends", marks)
	return liveSeed{c, s}, err
})
