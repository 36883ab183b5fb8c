package bench

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sample result: two rounds, the second of which took twice as long.
func measured() *Result {
	r := &Result{
		Schema: schema, Build: "drill 1", Rounds: 2, Began: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC),
		Sources: []Source{
			{Recipe: replayed(160), Passphrase: "secret words", DatabaseBytes: 1.2e9, Replayed: 179},
			{Recipe: sized(5), DatabaseBytes: 5e9, Replayed: 4},
		},
		LeftOut: []string{"the database of 9 GB: no room"},
	}
	for i, row := range append(rowsOf(replayed(160), delays), rowsOf(sized(5), delays)...) {
		for round := range 2 {
			took := float64((10 + i) * (round + 1))
			m := Measurement{Round: round + 1, Load: 0.5 + float64(7*round)}
			m.Seconds, m.Restore, m.Replay = took, 2, took/2
			if !row.Drill {
				m.Redo = 30
			} else if row.Deep == "all" {
				m.Parts = map[string]float64{"check amcheck": 2, "check files": 0.01, "check full_read": 3, "verify": 6}
			}
			r.add(row, m)
		}
	}
	return r
}

// Rows are those of the way to replay, columns those of the distance; everything is
// compared with the plain commands of the same distance.
func TestTables(t *testing.T) {
	said := measured().Tables()
	for _, line := range []string{
		"A database of 1.20 GB and 179 segments of WAL (3.0 GB), medians of 2 rounds:",
		"| | 0 ms round trip | start to first query | redo | 20 ms round trip | start to first query | redo |",
		"|---|---|---|---|---|---|---|",
		"| raw commands | 15.0 s | 7.5 s | 100 MB/s | ",
		"| 5.00 GB | 4 | 0 ms | ",
		"Left out: the database of 9 GB: no room.",
	} {
		assert.Contains(t, said, line)
	}
	assert.Contains(t, said, "| raw commands, async archive-get | 16.5 s (1.10x) | 8.2 s (1.10x) | 100 MB/s |")
	assert.Contains(t, said, "The deeper checks, at 0 ms: full_read 3.0 s, amcheck 2.0 s.")
	assert.NotContains(t, said, "files", "what takes no time is not named")
	assert.Contains(t, said, "load before a measurement 0.5 to 7.5.")
	assert.NotContains(t, said, "NaN")
	cells := -1
	for line := range strings.Lines(said) {
		if !strings.HasPrefix(line, "|") {
			cells = -1
		} else if n := strings.Count(line, "|"); cells == -1 {
			cells = n
		} else {
			assert.Equal(t, cells, n, line)
		}
	}
}

// A run of few rows has gaps, not zeros.
func TestTables_Gaps(t *testing.T) {
	r := &Result{Rounds: 1, Sources: []Source{{Recipe: replayed(160), DatabaseBytes: 1e9, Replayed: 160}}}
	r.add(rowsOf(replayed(160), delays)[0], Measurement{Round: 1, Seconds: 5, Replay: 3})
	drill := Row{Source: walName, RoundTrip: delays[1], Drill: true, Replay: asTheDrill, Deep: "none"}
	r.add(drill, Measurement{Round: 1, Seconds: 5, Replay: 3})
	said := r.Tables()
	assert.Contains(t, said, "| raw commands | 5.0 s | 3.0 s | - | - | - | - |")
	assert.Contains(t, said, "| drill, -deep none | - | - | - | 5.0 s | 3.0 s | - |")
}

// What is kept is read again as it was, and no passphrase is in it.
func TestResult_Kept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.json")
	none, err := Load(path)
	require.NoError(t, err)
	assert.Nil(t, none)
	r := measured()
	require.NoError(t, r.Save(path))
	assert.Equal(t, "secret words", r.Sources[0].Passphrase, "the run goes on with it")
	assert.NotContains(t, content(path), "secret words")
	again, err := Load(path)
	require.NoError(t, err)
	assert.Equal(t, r.Measured, again.Measured)
	r.Schema++
	require.NoError(t, r.Save(path))
	again, err = Load(path)
	require.NoError(t, err)
	assert.Nil(t, again, "what is measured in another way is not compared")
}

// Two rounds tell nothing, four do when they do not overlap, and another row is no row.
func TestChanges(t *testing.T) {
	row := rowsOf(sized(1), nil)[0]
	result := func(values ...float64) *Result {
		r := &Result{
			Build: "drill 1", Began: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC), Sources: []Source{{Recipe: sized(1)}},
		}
		for _, v := range values {
			r.add(row, Measurement{Seconds: v})
		}
		return r
	}
	few := Changes(result(10, 11), result(5, 6))
	assert.Contains(t, few, "against drill 1 of 2026-01-02 03:04:")
	assert.Regexp(t, `10\.5 s +5\.5 s +-47\.6% .*too few rounds to tell`, few)
	plain := Changes(result(10, 11, 12, 13), result(5, 6, 7, 8))
	assert.Regexp(t, `11\.5 s +6\.5 s +-43\.5% +\(p=0\.029 n=4\)`, plain)
	assert.NotContains(t, plain, "rounds")
	assert.Contains(t, Changes(result(10, 11, 12, 13), result(10, 14, 12, 9)), "no more than the rounds differ")
	nothing := Changes(&Result{}, result(1))
	assert.Contains(t, nothing, "nothing was measured both now and")
	larger := result(1)
	larger.Sources[0].Gigabytes = 2
	assert.Contains(t, Changes(larger, result(1)), "nothing was measured both", "that was more to restore")
	other := result(1, 2)
	other.Machine.Cores = 64
	assert.Contains(t, Changes(other, result(1, 2)), "another machine")
}

// The report of a drill has its steps, its checks and its RTO.
func TestReported(t *testing.T) {
	m, err := reported([]byte(`{"steps":[{"name":"restore","seconds":4},{"name":"recover","seconds":9}],
		"notes":["archive whole","timeline 1 replayed up to 0/8000000, 12 segments in 6.5 s"],
		"measurements":[{"name":"rto_seconds","value":12.5},
			{"name":"check_duration_seconds","labels":{"check":"amcheck"},"value":2}]}`))
	require.NoError(t, err)
	assert.InDelta(t, 4, m.Restore, 0)
	assert.InDelta(t, 8.5, m.Replay, 0)
	assert.InDelta(t, 6.5, m.Redo, 0)
	assert.Equal(t, map[string]float64{"restore": 4, "recover": 9, "check amcheck": 2}, m.Parts)
	_, err = reported([]byte(`{"steps":[]}`))
	require.Error(t, err, "no RTO is no fast one")
	_, err = reported(nil)
	require.Error(t, err)
}
