// Package forecast says what a restore will take in some months, from the drills that passed so far: by a line that a
// few odd ones among them do not bend (Theil and Sen), through each phase of a restore by itself. It reads a history
// and knows nothing of runs.
package forecast

import (
	"cmp"
	"slices"
	"time"
)

const (
	// Needed are the passes, on days of their own, that a forecast is made from at least.
	Needed = 6
	// window is how long ago the oldest pass is that counts, before the newest: twice the longest forecast.
	window = 182 * day
	// recent is how long ago passes are that say where a line stands now: data that grew by a step is where it is.
	recent = 35 * day
	day    = 24 * time.Hour
)

// Pass is what a drill that passed took, in seconds.
type Pass struct {
	At      time.Time
	RTO     float64
	Restore float64 // of it, until the files were there; the rest is replay. Negative where it is not known
}

// Line is where a phase stands, in seconds, and how fast it grows, in seconds a day. One that shrinks, or of which
// nobody can tell, is taken to stay as it is: its growth is 0.
type Line struct{ Level, Growth float64 }

// Forecast is what the passes up to a moment foretell.
type Forecast struct {
	At      time.Time
	First   time.Time // of the passes that count
	Passes  int       // of them, one a day
	Restore Line
	Replay  Line
}

// Of makes the forecast at a moment; ok is false where there are too few passes.
func Of(passes []Pass, at time.Time) (f Forecast, ok bool) {
	passes = counting(passes, at)
	if len(passes) < Needed {
		return Forecast{At: at, Passes: len(passes)}, false
	}
	f = Forecast{At: at, First: passes[0].At, Passes: len(passes)}
	split := !slices.ContainsFunc(passes, func(p Pass) bool { return p.Restore < 0 })
	f.Restore = through(passes, at, func(p Pass) float64 { return max(0, p.Restore) })
	f.Replay = through(passes, at, func(p Pass) float64 {
		if !split {
			return p.RTO
		}
		return p.RTO - p.Restore
	})
	if !split {
		f.Restore = Line{}
	}
	return f, true
}

// In is the RTO so many days later, in seconds.
func (f Forecast) In(days float64) float64 {
	return f.Restore.Level + f.Replay.Level + days*f.growth()
}

// Until is in how many days the RTO comes to a budget in seconds; ok is false where it does not grow.
func (f Forecast) Until(budget float64) (days float64, ok bool) {
	if f.growth() <= 0 {
		return 0, false
	}
	return max(0, (budget-f.In(0))/f.growth()), true
}

func (f Forecast) growth() float64 { return f.Restore.Growth + f.Replay.Growth }

// Ready says how many passes count, and, where they are too few, about when there will be enough when drills go on
// passing as often as they did; zero where nobody can tell.
func Ready(passes []Pass, at time.Time) (have int, when time.Time) {
	passes = counting(passes, at)
	have = len(passes)
	if have < 2 || have >= Needed {
		return have, time.Time{}
	}
	apart := make([]float64, 0, have)
	for i := 1; i < have; i++ {
		apart = append(apart, passes[i].At.Sub(passes[i-1].At).Seconds())
	}
	wait := time.Duration(median(apart) * float64(Needed-have) * float64(time.Second))
	return have, passes[have-1].At.Add(wait)
}

// counting are the passes that count at a moment, in order, one a day: what was drilled again and again on one day says
// nothing of growth.
func counting(passes []Pass, at time.Time) (list []Pass) {
	passes = slices.DeleteFunc(slices.Clone(passes), func(p Pass) bool { return p.At.After(at) })
	slices.SortStableFunc(passes, func(a, b Pass) int { return a.At.Compare(b.At) })
	if len(passes) == 0 {
		return nil
	}
	begin := passes[len(passes)-1].At.Add(-window)
	passes = slices.DeleteFunc(passes, func(p Pass) bool { return p.At.Before(begin) })
	for len(passes) > 0 {
		n := 1
		for n < len(passes) && sameDay(passes[n].At, passes[0].At) {
			n++
		}
		list = append(list, middle(passes[:n]))
		passes = passes[n:]
	}
	return list
}

func sameDay(a, b time.Time) bool { return a.UTC().Truncate(day).Equal(b.UTC().Truncate(day)) }

// middle is the pass of a day whose RTO is in the middle.
func middle(passes []Pass) Pass {
	sorted := slices.SortedStableFunc(slices.Values(passes), func(a, b Pass) int { return cmp.Compare(a.RTO, b.RTO) })
	return sorted[(len(sorted)-1)/2]
}
