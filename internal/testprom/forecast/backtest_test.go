package forecast

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the table of drill/README.md")

// madeUp is a kind of history: what a restore takes on a day, without noise, in seconds.
type madeUp struct {
	name   string
	apart  float64 // days between two drills
	noise  float64 // standard deviation, a share of what is measured
	odd    float64 // share of drills that take two and a half times as long
	growth func(r *rand.Rand) func(day float64) (restore, replay float64)
}

func always(took func(day float64) (float64, float64)) func(*rand.Rand) func(float64) (float64, float64) {
	return func(*rand.Rand) func(float64) (float64, float64) { return took }
}

// stepped grows by half of the first restore on two days of the year.
func stepped(r *rand.Rand) func(float64) (float64, float64) {
	first, second := r.Float64()*365, r.Float64()*365
	return func(day float64) (float64, float64) {
		restore := 300.0
		for _, begin := range []float64{first, second} {
			if day > begin {
				restore += 150
			}
		}
		return restore, 60
	}
}

var histories = []madeUp{
	{"linear: doubles in ten months", 7, 0.03, 0, always(func(d float64) (float64, float64) { return 300 + d, 60 })},
	{"stepped: two steps of half as much again", 7, 0.03, 0, stepped},
	{"weekly: daily drills, one full backup a week", 1, 0.03, 0, always(func(d float64) (float64, float64) {
		return 300 + d/2, 60 + 20*float64(int(d)%7)
	})},
	{"noisy: a quarter up or down, one in twenty far off", 7, 0.25, 0.05, always(func(d float64) (float64, float64) {
		return 300 + 0.8*d, 90
	})},
	{"noisy, without growth", 7, 0.25, 0.05, always(func(float64) (float64, float64) { return 300, 90 })},
}

// off is how far forecasts of so many days are off, as shares of what the RTO came to, over some years of drills.
func (m madeUp) off(days float64, predict func([]Pass, time.Time) float64) (list []float64) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		truth := m.growth(r)
		measured := func(v float64) float64 {
			v *= max(0.1, 1+m.noise*r.NormFloat64())
			if r.Float64() < m.odd {
				v *= 2.5
			}
			return v
		}
		passes := every(int(365/m.apart), m.apart, func(day float64) (float64, float64) {
			restore, replay := truth(day)
			return measured(restore), measured(replay)
		})
		for i := Needed - 1; i < len(passes); i += max(1, int(9/m.apart)) {
			restore, replay := truth(float64(i)*m.apart + days)
			came := restore + replay
			foretold := predict(passes[:i+1], passes[i].At)
			list = append(list, max(foretold-came, came-foretold)/came)
		}
	}
	slices.Sort(list)
	return list
}

func ours(days float64) func([]Pass, time.Time) float64 {
	return func(passes []Pass, at time.Time) float64 {
		f, _ := Of(passes, at)
		return f.In(days)
	}
}

func percentile(sorted []float64, p float64) float64 {
	return 100 * sorted[int(p*float64(len(sorted)-1))]
}

// The page says how far the forecast is off, and says the truth.
func TestBacktest_IsWhatThePageSays(t *testing.T) {
	text := "| history | 30 days on: half are within | nine of ten within | 90 days on: half are within | " +
		"nine of ten within |\n" +
		"|---|---|---|---|---|\n"
	for _, m := range histories {
		text += "| " + m.name
		for _, days := range []float64{30, 90} {
			off := m.off(days, ours(days))
			text += fmt.Sprintf(" | %.0f %% | %.0f %%", percentile(off, 0.5), percentile(off, 0.9))
		}
		text += " |\n"
	}
	const path, begin, end = "../../../drill/README.md", "<!-- backtest -->\n", "<!-- /backtest -->"
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(page), begin)
	require.True(t, ok)
	said, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+text+end+after), 0o644))
		said = text
	}
	assert.Equal(t, text, said)
}

// The newest measurement alone is what a forecast has to beat, where there is growth or noise.
func TestBacktest_BeatsTheNewestMeasurement(t *testing.T) {
	naive := func(passes []Pass, _ time.Time) float64 { return passes[len(passes)-1].RTO }
	for _, m := range histories {
		if strings.HasPrefix(m.name, "stepped") {
			continue // nobody foresees a step
		}
		for _, days := range []float64{30, 90} {
			if strings.HasPrefix(m.name, "weekly") && days == 90 {
				continue // 13 weeks less a day: the newest measurement is of the same part of the week
			}
			our, their := m.off(days, ours(days)), m.off(days, naive)
			assert.Less(t, percentile(our, 0.5), percentile(their, 0.5), "%s, %v", m.name, days)
		}
	}
}

// Alarms are rare where nothing grows, also when every drill takes a quarter more or less.
func TestBacktest_NoiseAloneSpendsNoBudget(t *testing.T) {
	alarms, asked := 0, 0
	histories[4].off(30, func(passes []Pass, at time.Time) float64 {
		f, ok := Of(passes, at)
		require.True(t, ok)
		asked++
		if left, grows := f.Until(1800); grows && left < 60 {
			alarms++
		}
		return 0
	})
	assert.Greater(t, asked, 100)
	assert.Zero(t, alarms)
}
