package integrity

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var at = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

const week = 7 * Day

func keys(s Share) (list []string) {
	for _, u := range s.Units {
		list = append(list, u.Key)
	}
	return list
}

// A share is a day's part of all there is, what was read longest ago first; what would be late tomorrow is read
// whatever that comes to.
func TestToday(t *testing.T) {
	units := []Unit{{Key: "a", Bytes: 10}, {Key: "b", Bytes: 10}, {Key: "c", Bytes: 10}, {Key: "d", Bytes: 40}}
	known := Memory{
		"a": {Seen: at.Add(-9 * Day), Read: at.Add(-time.Hour)}, "b": {Seen: at.Add(-9 * Day), Read: at.Add(-5 * Day)},
		"c": {Seen: at.Add(-4 * Day)}, "d": {Seen: at.Add(-9 * Day), Read: at.Add(-2 * Day)},
	}
	assert.Equal(t, []string{"b"}, keys(Today(units, known, week, at)), "10 bytes are a seventh")
	later := at.Add(3 * Day)
	assert.Equal(t, []string{"b", "c"}, keys(Today(units, known, week, later)), "they would be late tomorrow")
	assert.Equal(t, []string{"b", "c", "d", "a"}, keys(Today(units, known, Day, at)), "a cycle of a day is all of it")
	assert.Empty(t, Today(nil, nil, week, at).Units)
}

// What is known to be damaged is read first, due or not.
func TestToday_KnownDamageIsReadEveryDay(t *testing.T) {
	units := []Unit{{Key: "a", Bytes: 10}, {Key: "b", Bytes: 10}, {Key: "c", Bytes: 10}}
	known := Memory{
		"a": {Seen: at, Read: at.Add(-Day)}, "b": {Seen: at, Read: at, Bad: []string{"b is cut"}},
		"c": {Seen: at, Read: at},
	}
	assert.Equal(t, []string{"b"}, keys(Today(units, known, week, at)))
	known.Note(units[1], nil, at)
	assert.Equal(t, []string{"a"}, keys(Today(units, known, week, at)), "it reads well again")
}

// Two months of a repository that grows and expires: every unit is read within its cycle, day after day, and no day has
// to read much more than another.
func TestToday_TheWholeWithinTheCycle(t *testing.T) {
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 1))
		var units []Unit
		born := map[string]time.Time{}
		read := map[string]time.Time{}
		memory := Memory{}
		add := func(now time.Time, bytes int64) {
			u := Unit{Key: fmt.Sprintf("%d", len(born)), Bytes: bytes}
			units, born[u.Key] = append(units, u), now
		}
		for day := range 60 {
			now := at.Add(time.Duration(day)*Day + time.Duration(random.IntN(7200))*time.Second)
			for range 5 { // WAL of a day
				add(now, 1+random.Int64N(4))
			}
			if day%7 == 0 { // a full backup
				for range 40 {
					add(now, 4)
				}
			}
			units = slices.DeleteFunc(units, func(u Unit) bool { return now.Sub(born[u.Key]) > 28*Day })
			memory, _ = memory.With(units, nil, now)
			share := Today(units, memory, week, now)
			for _, u := range share.Units {
				memory.Note(u, nil, now)
				read[u.Key] = now
			}
			for _, u := range units {
				last := read[u.Key]
				if last.IsZero() {
					last = born[u.Key]
				}
				require.LessOrEqual(t, now.Sub(last), week, "seed %d, day %d, unit %s", seed, day, u.Key)
			}
			all := Cover(units, memory, week, now)
			require.Zero(t, all.Late)
			if day > 35 {
				require.Less(t, share.Bytes, all.Bytes/2, "seed %d, day %d of %d bytes", seed, day, all.Bytes)
			}
		}
	}
}

// Coverage counts what was read within the cycle; of a directory that grew, as much as there was then.
func TestCover(t *testing.T) {
	units := []Unit{{Key: "a", Bytes: 30}, {Key: "b", Bytes: 30}, {Key: "c", Bytes: 40}}
	c := Cover(units, Memory{
		"a": {Seen: at.Add(-20 * Day), Read: at.Add(-Day), Bytes: 20},
		"b": {Seen: at.Add(-20 * Day), Read: at.Add(-8 * Day), Bytes: 30},
		"c": {Seen: at},
	}, week, at)
	assert.Equal(t, Coverage{Bytes: 100, Read: 20, Never: 50, Oldest: 8 * Day, Late: 1, LateBytes: 30}, c)
	assert.InDelta(t, 0.2, c.Ratio(), 1e-9)
	assert.InDelta(t, 1, Coverage{}.Ratio(), 1e-9)
}
