package acceptance

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
)

// With archive-copy=y a backup set holds the segments that it needs itself, and no restore of it misses them in the
// archive; one of another set does.
func TestOwnSegments(t *testing.T) { ownSegmentFaults.run(t) }

var ownSegmentFaults = faults("TestOwnSegments", ownSegments, []fault{
	{name: "Archived", exit: 0, why: reason.None, words: "archive whole over timeline 1"},
	{
		name: "Missing", where: everywhere, inject: without(archived("{stop}")),
		exit: 0, why: reason.None, words: "the archive does not give {stop}: the backup holds it itself",
	},
	{
		name: "MissingOneAtATime", inject: without(archived("{stop}")), args: "-get-async off",
		exit: 0, why: reason.None, words: "the archive does not give {stop}: the backup holds it itself",
	},
	{
		name: "ZeroLength", inject: damaged(emptied, archived("{stop}")),
		exit: 0, why: reason.None, words: "the archive does not give {stop} | recovery took {stop} from the backup",
	},
	{
		name: "Damaged", inject: damaged(garbage, archived("{stop}")),
		exit: 0, why: reason.None, words: "recovery took {stop} from the backup, which holds it itself",
	},
	{
		name: "EndLost", where: everywhere, inject: withoutFrom("{stop}"),
		exit: 1, why: reason.WALMissing, words: "{stop} is missing | nothing is archived behind it", step: "preflight",
	},
	{
		name: "NothingBehindIt", inject: withoutBehind("{stop}"), args: "-deep none", users: "any",
		exit: 0, why: reason.None, words: "the last is {stop}", never: "holds it itself",
	},
	{
		name: "MissingForAnotherSet", inject: without(archived("{stop}")), args: "-set {full}",
		exit: 1, why: reason.WALMissing, words: "{stop} is missing from the archive", step: "preflight",
	},
	{
		name: "MissingBehindIt", inject: without(archived("{middle}")),
		exit: 1, why: reason.WALMissing, words: "{middle} is missing from the archive", step: "preflight",
	},
	{
		name: "DamagedBehindIt", inject: damaged(garbage, archived("{middle}")),
		exit: 1, why: reason.WALCorrupt, words: "{middle}", step: "recover",
	},
	{
		name: "Both", inject: allOf(without(archived("{stop}")), without(archived("{middle}"))),
		exit: 1, why: reason.WALMissing, words: "{middle} is missing from the archive", step: "preflight",
	},
})

// withoutFrom removes a segment and all behind it, withoutBehind those alone.
func withoutFrom(first string) func(*repoCopy) {
	return func(rc *repoCopy) { rc.cutArchive(rc.fill(first), true) }
}

func withoutBehind(last string) func(*repoCopy) {
	return func(rc *repoCopy) { rc.cutArchive(rc.fill(last), false) }
}

func (rc *repoCopy) cutArchive(from string, inclusive bool) {
	for _, file := range rc.files(archived("*")) {
		name, _, _ := strings.Cut(filepath.Base(file), "-")
		if name > from || name == from && inclusive {
			require.NoError(rc.t, os.Remove(file))
		}
	}
}

var ownSegments = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 1000}, "ownsegments")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	s, err := c.settle(ctx, "ownsegments", marks,
		func() error { return c.Pgbackrest(ctx, "backup", "--type=diff", "--archive-copy") },
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
	)
	return liveSeed{c, s}, err
})
