// Package target is where recovery stops: what -target says, the recovery window of a
// repository in parts, and the choice of a point in it that nobody chose. A restore that is
// only ever tried at the end of the archive proves nothing about the hours before.
package target

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"veza.fr/recovery/internal/wal"
)

// Set is a backup set from which the archive is whole to its end.
type Set struct {
	Label string
	Stop  wal.LSN // recovery can stop anywhere after it
	Chain wal.Chain
}

// Part is a stretch of the window: from the stop of a set to that of the next one, or to
// the end, on one timeline. A point of it is reached from its set.
type Part struct {
	Set      string
	Timeline uint32
	From, To wal.LSN // a point p has From < p <= To
}

// Key names a part in the memory.
func (p Part) Key() string { return fmt.Sprintf("%s@%d", p.Set, p.Timeline) }

// Parts divides the window that sets, oldest first, span together. The window ends with the
// first byte of the last archived segment: after it there may be no record any more, and a
// target that no record follows is never reached (facts B1).
func Parts(sets []Set, segmentSize uint64) (parts []Part) {
	for i, set := range sets {
		end := set.Chain.Last().Start(segmentSize)
		if i+1 < len(sets) && sets[i+1].Stop < end {
			end = sets[i+1].Stop
		}
		parts = append(parts, split(set, end)...)
	}
	return parts
}

// split cuts the stretch of a set where a timeline ends on it.
func split(set Set, end wal.LSN) (parts []Part) {
	from := set.Stop
	for _, s := range set.Chain.Switches {
		if s.At > from && s.At <= end {
			parts = append(parts, Part{set.Label, s.Timeline, from, s.At - 1})
			from = s.At - 1
		}
	}
	timeline := set.Chain.Target
	for _, s := range set.Chain.Switches {
		if end < s.At {
			timeline = s.Timeline
			break
		}
	}
	if end > from {
		parts = append(parts, Part{set.Label, timeline, from, end})
	}
	return parts
}

// MostReplay is the part whose last point has the most WAL before it that is replayed from its set, whose replay begins
// at its start: just before the next set, as a rule, when a disaster takes longest. false when there is none.
func MostReplay(sets []Set, segmentSize uint64) (worst Part, replayed wal.LSN, ok bool) {
	starts := map[string]wal.LSN{} // to the segment
	for _, set := range sets {
		starts[set.Label] = set.Chain.Entries[0].Start(segmentSize)
	}
	for _, part := range Parts(sets, segmentSize) {
		if before := part.To - starts[part.Set]; !ok || before > replayed {
			worst, replayed, ok = part, before, true
		}
	}
	return worst, replayed, ok
}

// Choice is a point, and how it came about.
type Choice struct {
	Part  Part
	At    wal.LSN
	Seed  int64
	Parts int // there are
	Never int // of them were not drilled before
}

// never is what a part weighs that was not drilled yet, as an age.
const never = 365 * 24 * time.Hour

// Pick picks a part by a seed, weighted by the time since it was drilled last, and a
// point in it; false when there is none. The same seed, window, memory and moment pick the
// same point; of a memory of nothing the moment does not matter.
func Pick(parts []Part, last map[string]time.Time, seed int64, now time.Time) (Choice, bool) {
	if len(parts) == 0 {
		return Choice{}, false
	}
	random := rand.New(rand.NewPCG(uint64(seed), 0)) //nolint:gosec // a choice, no secret; any seed is as good
	choice := Choice{Seed: seed, Parts: len(parts)}
	weights, total := make([]float64, len(parts)), 0.0
	for i, part := range parts {
		age := never
		if at, drilled := last[part.Key()]; drilled {
			age = min(max(now.Sub(at), time.Minute), never)
		} else {
			choice.Never++
		}
		weights[i] = age.Seconds()
		total += weights[i]
	}
	mark := random.Float64() * total
	for i, weight := range weights {
		choice.Part = parts[i]
		if mark -= weight; mark < 0 {
			break
		}
	}
	choice.At = choice.Part.From + 1 + wal.LSN(random.Uint64N(uint64(choice.Part.To-choice.Part.From)))
	return choice, true
}

// String tells a person all that is needed to have the same point again.
func (c Choice) String() string {
	return fmt.Sprintf(
		"seed %d chose lsn:%s of set %s on timeline %d; %d of %d parts of the recovery window were never drilled; "+
			"again with -seed %d, or -set %s -target lsn:%s",
		c.Seed,
		c.At,
		c.Part.Set,
		c.Part.Timeline,
		c.Never,
		c.Parts,
		c.Seed,
		c.Part.Set,
		c.At,
	)
}

// Around are the points before and after the last failover that the newest fitting set
// leads to, each surely followed by a record: the one before lies in the last segment that
// is the old timeline's alone. The error names what is missing.
func Around(sets []Set, segmentSize uint64) (set Set, before, after wal.LSN, err error) {
	if len(sets) == 0 || len(sets[0].Chain.Switches) == 0 {
		return set, 0, 0, fmt.Errorf("there is no failover in the recovery window: %s", routes(sets))
	}
	switches := sets[0].Chain.Switches
	at := switches[len(switches)-1].At
	segment := uint64(at) / segmentSize
	for i := len(sets) - 1; i >= 0; i-- {
		set = sets[i]
		stopped := uint64(set.Stop) / segmentSize
		if len(set.Chain.Switches) == 0 || set.Stop >= at || segment == 0 || stopped+1 >= segment {
			continue // it was taken after the failover, or nothing of the old timeline follows it for certain
		}
		before = wal.LSN((segment-1)*segmentSize) + 1
		after = max(set.Chain.Last().Start(segmentSize), at+1)
		return set, before, after, nil
	}
	return set, 0, 0, fmt.Errorf("no backup set ends early enough before the failover at %s", at)
}

func routes(sets []Set) string {
	var list []string
	for _, set := range sets {
		list = append(list, set.Label+" follows "+set.Chain.Route())
	}
	if len(list) == 0 {
		return "no set has a whole archive after it"
	}
	return strings.Join(list, ", ")
}
