package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestMedian(t *testing.T) {
	assert.Zero(t, median(nil))
	assert.InDelta(t, 2, median([]float64{9, 2, 1}), 0)
	values := []float64{4, 1, 3, 2}
	assert.InDelta(t, 2.5, median(values), 0)
	assert.Equal(t, []float64{4, 1, 3, 2}, values, "in their order")
}

// A difference is one of the same round: what drifts is in both.
func TestDifferences(t *testing.T) {
	drill := []Measurement{{Round: 1, Seconds: 12}, {Round: 2, Seconds: 52}, {Round: 3, Seconds: 1}}
	raw := []Measurement{{Round: 2, Seconds: 50}, {Round: 1, Seconds: 11}}
	assert.Equal(t, []float64{1, 2}, differences(drill, raw))
}

func TestRate(t *testing.T) {
	assert.InDelta(t, 134.2, rate([]Measurement{{Redo: 12.5}}, 100), 0.1)
	assert.Zero(t, rate([]Measurement{{}}, 100), "the log did not say")
}

func TestRedo(t *testing.T) {
	assert.InDelta(t, 43.21, redo("x\n2026 LOG:  redo done at 0/C0 system usage: CPU: user: 1.00 s, system: 0.50 s, "+
		"elapsed: 43.21 s\ny"), 0)
	assert.Zero(t, redo("LOG:  redo done at 0/C0"), "as older servers say it")
}

// The best word on how long a row takes is this run's, then an earlier one's, then a rule of thumb.
func TestEstimate(t *testing.T) {
	row := rowsOf(replayed(160), delays)[0]
	s := Source{Recipe: replayed(160), DatabaseBytes: restoreRate, Replayed: 10}
	e := estimate{now: &Result{Sources: []Source{s}}}
	assert.Equal(t, 3800*time.Millisecond, e.row(row, s))
	far := row
	far.RoundTrip, far.Drill = 20*time.Millisecond, true
	assert.Equal(t, 6*time.Second, e.row(far, s))
	slow := estimate{now: &Result{Sources: []Source{s}}}
	slow.now.add(row, Measurement{Seconds: 7.6})
	assert.Equal(t, 12*time.Second, slow.row(far, s), "twice the rule of thumb, as what was seen")
	e.before = &Result{Sources: []Source{{Recipe: replayed(20)}}}
	e.before.add(row, Measurement{Seconds: 2})
	assert.Equal(t, 3800*time.Millisecond, e.row(row, s), "that was a quick run")
	e.before = &Result{Sources: []Source{s}}
	e.before.add(row, Measurement{Seconds: 30})
	assert.Equal(t, 30*time.Second, e.row(row, s))
	e.now.add(row, Measurement{Seconds: 20})
	assert.Equal(t, 20*time.Second, e.row(row, s))
	assert.Equal(t, "59 s", about(59*time.Second))
	assert.Equal(t, "13 min", about(780*time.Second))
}
