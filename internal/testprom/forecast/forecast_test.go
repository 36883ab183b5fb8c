package forecast

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var monday = time.Date(2026, 1, 5, 3, 0, 0, 0, time.UTC)

// every makes n passes so many days apart, each of which took what took says of its day.
func every(n int, apart float64, took func(day float64) (restore, replay float64)) (list []Pass) {
	for i := range n {
		d := float64(i) * apart
		restore, replay := took(d)
		at := monday.Add(time.Duration(d * float64(day)))
		list = append(list, Pass{At: at, RTO: restore + replay, Restore: restore})
	}
	return list
}

func newest(passes []Pass) time.Time { return passes[len(passes)-1].At }

func TestForecast_OfALineIsTheLine(t *testing.T) {
	passes := every(6, 7, func(d float64) (float64, float64) { return 300 + 2*d, 100 + d })
	f, ok := Of(passes, newest(passes))
	require.True(t, ok)
	assert.Equal(t, 6, f.Passes)
	assert.InDelta(t, 505, f.In(0), 1e-9)
	assert.InDelta(t, 595, f.In(30), 1e-9)
	assert.InDelta(t, 775, f.In(90), 1e-9)
	left, ok := f.Until(1105)
	assert.True(t, ok)
	assert.InDelta(t, 200, left, 1e-9)
	left, ok = f.Until(400)
	assert.True(t, ok)
	assert.Zero(t, left, "it is spent")
}

func TestForecast_IsOfTheMomentItIsMadeAt(t *testing.T) {
	passes := every(8, 7, func(d float64) (float64, float64) { return 300 + d, 0 })
	f, ok := Of(passes, newest(passes).Add(10*day))
	require.True(t, ok)
	assert.InDelta(t, 359, f.In(0), 1e-9)
	f, ok = Of(passes, newest(passes).Add(-7*day))
	require.True(t, ok)
	assert.Equal(t, 7, f.Passes, "what comes later is not known yet")
}

func TestForecast_NeedsSixDays(t *testing.T) {
	grows := func(d float64) (float64, float64) { return 300 + d, 10 }
	five := every(5, 7, grows)
	f, ok := Of(five, newest(five))
	assert.False(t, ok)
	assert.Equal(t, 5, f.Passes)
	have, when := Ready(five, newest(five))
	assert.Equal(t, 5, have)
	assert.Equal(t, newest(five).Add(7*day), when)

	have, when = Ready(nil, monday)
	assert.Zero(t, have)
	assert.Zero(t, when)

	six := every(6, 7, grows)
	have, when = Ready(six, newest(six))
	assert.Equal(t, 6, have)
	assert.Zero(t, when)

	_, ok = Of(every(20, 0.02, grows), monday.Add(day))
	assert.False(t, ok, "twenty of one day")
	_, ok = Of(six, monday.Add(-day))
	assert.False(t, ok, "all of them later")
}

func TestForecast_OfWhatDoesNotGrowHasNoEnd(t *testing.T) {
	for name, took := range map[string]func(d float64) (float64, float64){
		"flat":    func(float64) (float64, float64) { return 300, 60 },
		"shrinks": func(d float64) (float64, float64) { return 600 - d, 60 },
		"chance":  func(d float64) (float64, float64) { return 300 + 10*float64(int(d)%3), 60 },
	} {
		passes := every(9, 7, took)
		f, ok := Of(passes, newest(passes))
		require.True(t, ok, name)
		_, ok = f.Until(1800)
		assert.False(t, ok, name)
		assert.InDelta(t, f.In(0), f.In(90), 0, name)
	}
}

// One phase that grows is seen behind another that jumps about.
func TestForecast_TakesEachPhaseByItself(t *testing.T) {
	passes := every(12, 7, func(d float64) (float64, float64) { return 200 + d, 300 * float64(int(d/7)%2) })
	f, ok := Of(passes, newest(passes))
	require.True(t, ok)
	assert.InDelta(t, 1, f.Restore.Growth, 1e-9)
	assert.Zero(t, f.Replay.Growth)

	whole := make([]Pass, len(passes))
	for i, p := range passes {
		whole[i] = Pass{At: p.At, RTO: 300 + float64(i), Restore: -1}
	}
	f, ok = Of(whole, newest(passes))
	require.True(t, ok, "where the phases are not known, the whole is one")
	assert.Zero(t, f.Restore)
	assert.InDelta(t, 311, f.In(0), 1e-9)
}

func TestForecast_IsNotBentByAFewOddPasses(t *testing.T) {
	passes := every(20, 7, func(d float64) (float64, float64) { return 300 + d, 60 })
	for _, i := range []int{3, 9, 18} {
		passes[i].RTO, passes[i].Restore = 1700, 1640
	}
	f, ok := Of(passes, newest(passes))
	require.True(t, ok)
	assert.InDelta(t, 360+133+30, f.In(30), 10)
}

func TestForecast_ForgetsWhatIsLongAgo(t *testing.T) {
	passes := every(60, 7, func(d float64) (float64, float64) { return 300 + max(0, d-200), 60 })
	f, ok := Of(passes, newest(passes))
	require.True(t, ok)
	assert.Equal(t, 27, f.Passes)
	assert.InDelta(t, 1, f.Restore.Growth, 1e-9)
}

func lineOfHistory(at time.Time, rto float64, change ...string) string {
	text := fmt.Sprintf(`{"schema":1,"suite":"drill","stanza":"demo","verdict":"pass","exit_status":0,`+
		`"reason":"none","ended":%q,"labels":{"environment":"process"},`+
		`"steps":[{"name":"restore","outcome":"passed","seconds":4}],`+
		`"measurements":[{"name":"rto_seconds","value":%g}]}`, at.Format(time.RFC3339), rto)
	return strings.NewReplacer(change...).Replace(text) + "\n"
}

func TestRead_TakesPassesOfOneKindAlone(t *testing.T) {
	at := func(i int) time.Time { return monday.Add(time.Duration(i) * day) }
	history := lineOfHistory(at(0), 10) +
		lineOfHistory(at(1), 11, `"stanza":"demo"`, `"stanza":"other"`) +
		lineOfHistory(at(2), 12, `"pass","exit_status":0,"reason":"none"`,
			`"fail","exit_status":1,"reason":"wal_missing"`) +
		lineOfHistory(at(2), 12, `"verdict":"pass"`, `"verdict":"fail"`) + // it contradicts itself
		lineOfHistory(at(2), 12, `"schema":1`, `"schema":2`) +
		lineOfHistory(at(3), 13, `"suite":"drill"`, `"suite":"backup"`) +
		lineOfHistory(at(4), 14, `"labels":{`, `"labels":{"target":"random",`) +
		lineOfHistory(at(5), 15, `"labels":{`, `"labels":{"repo_target_time":"2026-01-01T00:00:00Z",`) +
		lineOfHistory(at(5), 15, `"labels":{`, `"labels":{"cluster_left":"PostgreSQL 15",`) +
		lineOfHistory(at(6), 16, `process`, `incus`) +
		lineOfHistory(at(7), 17, `rto_seconds`, `rpo_seconds`) +
		lineOfHistory(at(8), 18, `"steps":[{"name":"restore","outcome":"passed","seconds":4}],`, `"steps":[],`) +
		"{\"schema\":1,\"sui\n\n[]\n" + strings.Repeat("x", maxLine+1) + "\n" +
		lineOfHistory(at(9), 3)
	cut := strings.TrimSuffix(history, "\n")
	for _, text := range []string{history, cut} {
		passes, err := Read(strings.NewReader(text), Kind{Stanza: "demo", Environment: "process"})
		require.NoError(t, err)
		assert.Equal(t, []Pass{{at(0), 10, 4}, {at(8), 18, -1}, {at(9), 3, 3}}, passes)
	}
	passes, err := Read(strings.NewReader(history), Kind{Stanza: "demo", Environment: "incus"})
	require.NoError(t, err)
	assert.Equal(t, []Pass{{at(6), 16, 4}}, passes)
	passes, err = Read(strings.NewReader(history), Kind{Stanza: "demo"})
	require.NoError(t, err)
	assert.Len(t, passes, 3, "as the newest one")
}

func FuzzRead(f *testing.F) {
	f.Add(lineOfHistory(monday, 10))
	f.Add(`{"suite":"drill"`)
	f.Fuzz(func(t *testing.T, text string) {
		passes, err := Read(strings.NewReader(text), Kind{Stanza: "demo"})
		require.NoError(t, err)
		for range Needed {
			passes = append(passes, passes...)
		}
		forecast, ok := Of(passes, monday)
		if ok {
			_, _ = forecast.Until(forecast.In(30))
		}
		require.LessOrEqual(t, forecast.Passes, len(passes))
	})
}
