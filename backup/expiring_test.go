package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// atWork is a repository in which an expire is at work: each listing shows less than the one before.
type atWork struct {
	host.Host
	there   []int // the segments at first
	takes   func(look int) []int
	backups []pgbackrest.Backup // that info lists
	upgrade bool                // it was upgraded, and no backup was taken since
	cut     int                 // a segment of which nothing is left; 0 for none
	ends    []int               // the last segment, each time that info is asked; the last one goes on
	looks   int
	verify  func(n int) string // the answers of verify, in turn
	read    int                // how often it read
}

func (a *atWork) Run(_ context.Context, c host.Command) (host.Result, error) {
	if slices.Contains(c.Argv, "info") {
		repo := []map[string]any{{"key": 1, "status": map[string]any{"code": 0}}}
		clusters := []map[string]any{{"id": 1, "repo-key": 1, "version": "15"}}
		if a.upgrade {
			clusters = append(clusters, map[string]any{"id": 2, "repo-key": 1, "version": "17"})
		}
		stanza := map[string]any{"name": "veza", "backup": a.backups, "repo": repo, "db": clusters}
		if len(a.ends) > 0 {
			end := wal.Segment{Timeline: 1, Number: uint64(a.ends[0])}.Name(wal.DefaultSegmentSize)
			stanza["archive"] = []map[string]any{{"id": "15-1", "database": a.backups[0].Database, "max": end}}
			a.ends = a.ends[min(1, len(a.ends)-1):]
		}
		text, err := json.Marshal([]map[string]any{stanza})
		return host.Result{Stdout: text}, err
	}
	if slices.Contains(c.Argv, "verify") {
		a.read++
		return host.Result{Stdout: []byte(a.verify(a.read))}, nil
	}
	gone := a.takes(a.looks)
	a.looks++
	var entries []string
	for _, n := range a.there {
		if slices.Contains(gone, n) {
			continue
		}
		name := wal.Segment{Timeline: 1, Number: uint64(n)}.Name(wal.DefaultSegmentSize)
		size := 5
		if n == a.cut && n > 0 {
			size = 0
		}
		entries = append(entries,
			fmt.Sprintf(`"%s/%s-%040d":{"type":"file","size":%d,"time":1}`, name[:16], name, n, size))
	}
	return host.Result{Stdout: []byte("{" + strings.Join(entries, ",") + "}")}, nil
}

// threeFulls need segments 2 and 3, 6, and 9.
func threeFulls() []pgbackrest.Backup {
	list := []pgbackrest.Backup{
		ranged("20260101-000000F", "02", "03"), ranged("20260102-000000F", "06", "06"),
		ranged("20260103-000000F", "09", "09"),
	}
	for i := range list {
		list[i].Database = pgbackrest.Database{ID: 1, RepoKey: 1}
	}
	return list
}

// over is a source over such a repository, whose conf keeps the archive of so many fulls.
func (a *atWork) over(t *testing.T, fulls int) opened {
	t.Helper()
	conf := strings.Replace(rightConf, "retention-archive=4", fmt.Sprintf("retention-archive=%d", fulls), 1)
	in := sourceOf(t, conf, listing{backups: threeFulls()})
	in.Client.Pgbackrest = &pgbackrest.Client{Host: a, Stanza: "veza", Repo: 1}
	return in
}

// What expire may take and is there in part is judged once expire is over; what must be there is not waited for.
func TestWhole_WhileExpireIsAtWork(t *testing.T) {
	full := []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	inTurn := func(numbers ...int) func(int) []int {
		return func(look int) []int { return numbers[:min(look+1, len(numbers))] }
	}
	always := func(numbers ...int) func(int) []int { return func(int) []int { return numbers } }
	for _, c := range []struct {
		name    string
		takes   func(int) []int
		want    reason.Reason
		waited  time.Duration // at least; at most twice as long
		expired int
	}{
		{"nothing is taken", always(), "", 0, 0},
		{"all was taken", always(4, 5, 7, 8), "", 0, 2},
		{"it is at work", inTurn(4, 5), "", expireSettles, 1},
		{"it begins with another stretch", inTurn(4, 5, 7, 8), "", expireSettles, 1}, // which was whole when listed
		{
			"it is at work further on", func(look int) []int { return append([]int{4, 5}, inTurn(7, 8)(look)...) }, "",
			expireSettles, 2,
		},
		{
			"a push fills it", func(look int) []int { return []int{4}[:max(0, 1-look/2)] }, "", expireSettles, 0,
		},
		{"in part, and stays so", always(4), reason.WALMissing, expireSettles, 0},
		{"in part, and one is lost that must be there", always(4, 10), reason.WALMissing, 0, 0},
		{"a backup lacks its own", always(3, 4), reason.WALMissing, 0, 0},
		{
			"it is never over", func(look int) []int { return []int{4, 5, 7, 8}[:1+look%3] }, reason.Timeout,
			expireTakes, 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				on := &atWork{there: full, takes: c.takes}
				out, said := listen()
				began := time.Now()
				_, err := whole(t.Context(), out, on.over(t, 1), nil)
				requireReason(t, c.want, err)
				assert.GreaterOrEqual(t, time.Since(began), c.waited)
				assert.LessOrEqual(t, time.Since(began), c.waited*2)
				notes := strings.Count(strings.Join(said.attrs, "\n"), "restores to its own end and no further")
				assert.Equal(t, c.expired, notes)
			})
		})
	}
}

// A backup that ended during the check lets expire take what the older list says must be there: the new list counts.
// Without it, the same hole is one.
func TestArchiveIsWhole_AfterABackupThatEndedMeanwhile(t *testing.T) {
	newest := ranged("20260104-000000F", "0B", "0B")
	newest.Database = pgbackrest.Database{ID: 1, RepoKey: 1}
	for _, c := range []struct {
		now  []pgbackrest.Backup
		want reason.Reason
	}{{append(threeFulls(), newest), ""}, {threeFulls(), reason.WALMissing}} {
		on := &atWork{there: []int{2, 3, 6, 9, 10, 11}, takes: func(int) []int { return nil }, backups: c.now}
		out, _ := listen()
		err := archiveIsWhole(t.Context(), out, on.over(t, 2))
		requireReason(t, c.want, err)
		if c.want != "" {
			require.ErrorContains(t, err, "from backup 20260102-000000F")
		}
	}
}
