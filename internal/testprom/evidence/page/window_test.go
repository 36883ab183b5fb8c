package page

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/testprom/evidence"
)

// stretch is a drill that replayed from one hour of a day to another.
func stretch(from, to int, edit ...func(*evidence.Run)) evidence.Run {
	r := drill("demo", 0)
	hour := func(h int) *time.Time { return new(sunday.Add(time.Duration(h) * time.Hour)) }
	r.Scope.WindowFrom, r.Scope.Stopped, r.Scope.Recovered = hour(0), hour(from), hour(to)
	for _, e := range edit {
		e(&r)
	}
	return r
}

func TestWindow_IsWhatPassesReplayed(t *testing.T) {
	fails := func(r *evidence.Run) { r.Verdict, r.Exit = "fail", 1 }
	said := func(r *evidence.Run) { r.Exit = 1 } // and its verdict contradicts that
	unsaid := func(r *evidence.Run) { r.Scope.Recovered = nil }
	second := func(r *evidence.Run) { r.Scope.Repository = "2" }
	later := func(r *evidence.Run) { r.Scope.WindowFrom = new(sunday.Add(5 * time.Hour)) }
	for name, c := range map[string]struct {
		drills []evidence.Run
		share  string
		gaps   []string
		drawn  int
	}{
		"all of it": {[]evidence.Run{stretch(0, 10)}, "100 %", nil, 1},
		"begins late": {
			[]evidence.Run{stretch(2, 10)},
			"80 %",
			[]string{"2026-01-04 03:00 UTC to 2026-01-04 05:00 UTC (2 hours)"},
			1,
		},
		"a hole, and two that overlap": {
			[]evidence.Run{stretch(0, 4), stretch(2, 5), stretch(8, 10)},
			"70 %",
			[]string{"2026-01-04 08:00 UTC to 2026-01-04 11:00 UTC (3 hours)"},
			3,
		},
		"one inside of another": {[]evidence.Run{stretch(1, 2), stretch(0, 10)}, "100 %", nil, 2},
		"the end by a failure": {
			[]evidence.Run{stretch(0, 5), stretch(0, 10, fails)},
			"50 %",
			[]string{"2026-01-04 08:00 UTC to 2026-01-04 13:00 UTC (5 hours)"},
			2,
		},
		"no pass": {
			[]evidence.Run{stretch(0, 10, said)},
			"0 %",
			[]string{"2026-01-04 03:00 UTC to 2026-01-04 13:00 UTC (10 hours)"},
			1,
		},
		"what has left the window": {
			[]evidence.Run{stretch(0, 4), stretch(3, 7), stretch(9, 10, later)},
			"60 %",
			[]string{"2026-01-04 10:00 UTC to 2026-01-04 12:00 UTC (2 hours)"},
			2,
		},
		"nothing committed since the set": {[]evidence.Run{stretch(0, 9), stretch(9, 3)}, "100 %", nil, 2},
		"another repository, and its window": {
			[]evidence.Run{stretch(0, 5), stretch(2, 9, second, later), stretch(8, 10)},
			"70 %",
			[]string{"2026-01-04 08:00 UTC to 2026-01-04 11:00 UTC (3 hours)"},
			2,
		},
		"one that does not say": {[]evidence.Run{stretch(0, 9), stretch(0, 5, unsaid)}, "100 %", nil, 1},
	} {
		w := windowOf(c.drills)
		assert.Equal(t, "Drills that passed replayed "+c.share+" of it.", w.Share, name)
		assert.Equal(t, c.gaps, w.Gaps, name)
		assert.Len(t, w.Drawn, c.drawn, name)
		for _, bar := range w.Bars {
			assert.GreaterOrEqual(t, bar.X, left, name)
			assert.LessOrEqual(t, bar.X+bar.W, width-right+.1, name)
			assert.GreaterOrEqual(t, bar.W, 0.0, name)
		}
	}
	assert.Equal(t, Window{Left: 1}, windowOf([]evidence.Run{stretch(0, 5, unsaid)}))
}

func TestWindow_NamesTheNewestGaps(t *testing.T) {
	var drills []evidence.Run
	for i := range 50 {
		drills = append(drills, stretch(2*i, 2*i+1))
	}
	w := windowOf(drills)
	assert.Len(t, w.Drawn, shown)
	assert.Len(t, w.Gaps, mostGaps+1)
	assert.Equal(t, "and 37 older ones", w.Gaps[mostGaps])
	assert.Equal(t, "2026-01-08 04:00 UTC to 2026-01-08 05:00 UTC (60 minutes)", w.Gaps[mostGaps-1])
}

// Whatever moments somebody wrote, the map is within its chart, and no share is above all or below nothing.
func FuzzWindow(f *testing.F) {
	f.Add(int64(0), int64(0), int64(3600), int64(7200), int64(9000), false)
	f.Add(int64(-62135596800), int64(253402300799), int64(-1), int64(1), int64(0), true)
	f.Fuzz(func(t *testing.T, window, from, to, from2, to2 int64, red bool) {
		moment := func(seconds int64) *time.Time {
			const last = 253402300799 // of the year 9999, as JSON has it
			return new(time.Unix(seconds%last, 0).UTC())
		}
		first, second := drill("demo", 0), drill("demo", 1)
		first.Scope.WindowFrom, first.Scope.Stopped, first.Scope.Recovered = nil, moment(from), moment(to)
		second.Scope.WindowFrom = moment(window)
		second.Scope.Stopped, second.Scope.Recovered = moment(from2), moment(to2)
		if red {
			first.Verdict, first.Exit = "fail", 1
		}
		w := windowOf([]evidence.Run{first, second})
		for _, bar := range w.Bars {
			if !(bar.X >= left && bar.W >= 0 && bar.X+bar.W <= width-right+.1 && bar.Y < w.H) {
				t.Fatalf("%+v", bar)
			}
		}
		var share float64
		if _, err := fmt.Sscanf(w.Share, "Drills that passed replayed %g %% of it.", &share); w.Share != "" &&
			(err != nil || share < 0 || share > 100) {
			t.Fatal(w.Share, err)
		}
	})
}
