package drill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/wal"
)

// A segment that comes after recovery has ended is of a cluster that lives; what came while it went on may be the last
// word of the one that was lost.
func TestGrownSince(t *testing.T) {
	entry := func(name string, after time.Duration) wal.Entry { return wal.Entry{Name: name, Time: noon.Add(after)} }
	const name = "000000010000000000000009"
	for what, c := range map[string]struct {
		grown []wal.Entry
		log   postgres.Log
		told  bool
	}{
		"nothing":         {nil, postgres.Log{RedoDone: noon}, false},
		"afterwards":      {[]wal.Entry{entry("a", -1), entry(name, 1)}, postgres.Log{RedoDone: noon}, true},
		"meanwhile":       {[]wal.Entry{entry(name, -1)}, postgres.Log{RedoDone: noon}, false},
		"it was replayed": {[]wal.Entry{entry(name, 1)}, postgres.Log{RedoDone: noon, Restored: []string{name}}, false},
		"by the answer":   {[]wal.Entry{entry(name, 2*time.Minute)}, postgres.Log{}, true},
		"before it":       {[]wal.Entry{entry(name, 0)}, postgres.Log{}, false},
	} {
		said := grownSince(c.grown, c.log, noon.Add(time.Minute))
		assert.Equal(t, c.told, said != "", what)
		if !c.told {
			continue
		}
		assert.Contains(t, said, name+" came into the archive at ", what)
		r := &nodeRestore{grows: said, place: node.Place{Dir: "/pg"}, server: &postgres.Server{}}
		assert.Contains(t, r.elsewhere(origin{}), said, what)
		assert.Contains(t, r.next(origin{}), "if it takes the place of a cluster that is lost: ", what)
		assert.NotContains(t, r.next(origin{dir: "/x", process: 1}), "takes the place", what)
		r.grows = ""
		assert.NotContains(t, r.next(origin{}), "takes the place", what)
	}
}
