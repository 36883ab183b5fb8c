package scale

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/integrity"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/testprom/forecast"
	"veza.fr/recovery/internal/testprom/report"
	"veza.fr/recovery/internal/wal"
)

// work is one thing that is done with a repository of a size, in a directory of its own. It is made first, and
// measured alone.
type work struct {
	name string
	full int // size of the page: segments, files, runs, stanzas
	make func(dir string, size int) func() error
}

var works = []work{
	{"Listing", Kept, listing},
	{"Archive", Kept, sorted},
	{"Chain", Kept, followed},
	{"WorstMoment", Kept, worst},
	{"Manifest", 100_000, manifest},
	{"UnitsOfWAL", Kept, units},
	{"Share", Kept, share},
	{"History", 5 * 365, history},
	{"Fleet", 40, fleet},
}

// counted is an error unless something has the size it should have.
func counted(got, want int, err error) error {
	if err == nil && got != want {
		err = fmt.Errorf("%d, and not %d", got, want)
	}
	return err
}

func listing(_ string, size int) func() error {
	answer := Listing(size)
	return func() error {
		files, err := pgbackrest.ParseList(answer)
		return counted(len(files), size, err)
	}
}

func sorted(_ string, size int) func() error {
	files, err := pgbackrest.ParseList(Listing(size))
	return func() error { return counted(len(wal.NewArchive(files, wal.DefaultSegmentSize).Entries), size, err) }
}

// archived is an archive of so many segments; one that cannot be read has none.
func archived(size int) wal.Archive {
	files, _ := pgbackrest.ParseList(Listing(size))
	return wal.NewArchive(files, wal.DefaultSegmentSize)
}

func followed(_ string, size int) func() error {
	archive := archived(size)
	return func() error {
		chain, err := archive.Follow(Starts(size)[0], nil)
		return counted(len(chain.Entries), size, err)
	}
}

func worst(_ string, size int) func() error {
	archive, starts := archived(size), Starts(size)
	return func() error {
		all := 0
		for i := 1; i < len(starts); i++ {
			all += archive.Count(starts[i-1].First.Number, starts[i].First.Number)
		}
		return counted(all, int(starts[len(starts)-1].First.Number)-1, nil)
	}
}

func manifest(_ string, size int) func() error {
	content := Manifest(size)
	return func() error {
		m, err := pgbackrest.ParseManifest(content)
		return counted(len(m.Files), size, err)
	}
}

func units(_ string, size int) func() error {
	objects := Objects(size)
	return func() error {
		return counted(len(integrity.WALUnits("veza", objects, "pass")), size/256+1, nil) // the first is 255
	}
}

// share plans a day of a cycle, remembers what was read, and writes and reads the state.
func share(dir string, size int) func() error {
	list := integrity.WALUnits("veza", Objects(size), "pass")
	now, path := Begin.Add(40*24*time.Hour), filepath.Join(dir, "state.json")
	return func() error {
		memory, _ := integrity.Memory(nil).With(list, nil, now)
		for _, unit := range integrity.Today(list, memory, 7*integrity.Day, now).Units {
			memory.Note(unit, nil, now)
		}
		if err := integrity.Remember(path, "veza/1", memory); err != nil {
			return err
		}
		again, err := integrity.Recall(path, "veza/1")
		return counted(len(again), len(memory), err)
	}
}

func history(_ string, size int) func() error {
	text := History(size)
	return func() error {
		lasted, _, err := forecast.Lasted(bytes.NewReader(text), "drill", "veza")
		return counted(len(lasted), size, err)
	}
}

func fleet(dir string, size int) func() error {
	var failed error
	for n := range size {
		stanza := filepath.Join(dir, fmt.Sprintf("stanza%d", n))
		if failed = os.Mkdir(stanza, 0o700); failed == nil {
			failed = os.WriteFile(filepath.Join(stanza, "drill-report.json"), History(1), 0o600)
		}
	}
	return func() error {
		if failed != nil {
			return failed
		}
		_, err := report.ReadFleet(dir, Begin.Add(time.Hour))
		return err
	}
}

// Four times the repository takes about four times the memory, whatever the machine: nothing remembers pairs.
func TestGrowth(t *testing.T) {
	allocated := func(w work, size int) float64 {
		do := w.make(t.TempDir(), size)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.NoError(t, do(), w.name)
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc - before.TotalAlloc)
	}
	for _, w := range works {
		small := max(w.full/100, 20)
		ratio := allocated(w, 4*small) / allocated(w, small)
		assert.Less(t, ratio, 8.0, "%s: four times as much takes %.1f times the memory", w.name, ratio)
	}
}

// Starts are those of the policy: a full one a week, diffs in the last.
func TestStarts(t *testing.T) {
	assert.Len(t, Starts(Kept), 4+7)
	assert.Equal(t, uint64(1), Starts(Kept)[0].First.Number)
}

// BenchmarkScale are the figures of drill/scale.md.
func BenchmarkScale(b *testing.B) {
	for _, w := range works {
		b.Run(fmt.Sprintf("%s-%d", w.name, w.full), func(b *testing.B) {
			do := w.make(b.TempDir(), w.full)
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, do())
			}
		})
	}
}
