package integrity

import (
	"cmp"
	"slices"
	"time"
)

// Day is how often a share is read: the checks run daily, and tomorrow's may begin some hours later.
const (
	Day      = 24 * time.Hour
	tomorrow = Day + 4*time.Hour
)

// Share is what a run has to read.
type Share struct {
	Units []Unit // in this order
	Bytes int64
}

// Today is today's share of all units. What is known to be damaged comes first, whether it is due or not: it stays red
// until it reads well. Then comes what was read, or first seen, longest ago: as much as a day's part of all there is,
// and whatever would else be late tomorrow.
func Today(units []Unit, m Memory, cycle time.Duration, now time.Time) (s Share) {
	units = slices.Clone(units)
	slices.SortStableFunc(units, func(a, b Unit) int {
		ka, kb := m[a.Key], m[b.Key]
		return cmp.Or(
			-cmp.Compare(min(len(ka.Bad), 1), min(len(kb.Bad), 1)),
			ka.since().Compare(kb.since()),
			ka.Read.Compare(kb.Read), // never read goes first among those of one moment
			cmp.Compare(a.Key, b.Key),
		)
	})
	var all int64
	for _, u := range units {
		all += u.Bytes
	}
	days := max(int64(cycle/Day), 1)
	quota := (all + days - 1) / days
	for _, u := range units {
		due := m[u.Key].since().Add(cycle)
		if s.Bytes < quota || len(m[u.Key].Bad) > 0 || !due.After(now.Add(tomorrow)) {
			s.Units, s.Bytes = append(s.Units, u), s.Bytes+u.Bytes
		}
	}
	return s
}

// Coverage is how far a cycle is.
type Coverage struct {
	Bytes, Read int64 // of all, and what was read within the cycle
	Never       int64 // bytes that no run has read yet
	Oldest      time.Duration
	Late        int // units that were not read within the cycle
	LateBytes   int64
}

// Ratio is the share of the repository that was read within the cycle.
func (c Coverage) Ratio() float64 {
	if c.Bytes == 0 {
		return 1
	}
	return float64(c.Read) / float64(c.Bytes)
}

// Cover is how far the cycle is.
func Cover(units []Unit, m Memory, cycle time.Duration, now time.Time) (c Coverage) {
	for _, u := range units {
		known := m[u.Key]
		age := now.Sub(known.since())
		read := min(known.Bytes, u.Bytes) // a directory that grew was read in part
		if known.Read.IsZero() {
			read = 0
		}
		c.Bytes, c.Never, c.Oldest = c.Bytes+u.Bytes, c.Never+u.Bytes-read, max(c.Oldest, age)
		if age > cycle {
			c.Late, c.LateBytes = c.Late+1, c.LateBytes+u.Bytes
		} else {
			c.Read += read
		}
	}
	return c
}
