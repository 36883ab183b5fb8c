package target_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/wal"
)

const size = 16 << 20

// at is a place in the segment of a number.
func at(segment, offset uint64) wal.LSN { return wal.LSN(segment*size + offset) }

// chain ends with a segment, after switches.
func chain(last uint64, target uint32, switches ...wal.Switch) wal.Chain {
	return wal.Chain{
		Entries:  []wal.Entry{{Segment: wal.Segment{Timeline: target, Number: last}}},
		Switches: switches,
		Target:   target,
	}
}

func TestParts(t *testing.T) {
	plain := chain(9, 1)
	failedOver := chain(9, 2, wal.Switch{Timeline: 1, At: at(5, 0x28)})
	for name, c := range map[string]struct {
		sets []target.Set
		want []target.Part
	}{
		"nothing": {},
		"one set to the last segment": {
			[]target.Set{{"A", at(3, 100), plain}}, []target.Part{{"A", 1, at(3, 100), at(9, 0)}},
		},
		"each set to the next one": {
			[]target.Set{{"A", at(3, 100), plain}, {"B", at(6, 100), plain}},
			[]target.Part{{"A", 1, at(3, 100), at(6, 100)}, {"B", 1, at(6, 100), at(9, 0)}},
		},
		"a failover cuts": {
			[]target.Set{{"A", at(3, 100), failedOver}},
			[]target.Part{{"A", 1, at(3, 100), at(5, 0x27)}, {"A", 2, at(5, 0x27), at(9, 0)}},
		},
		"a set after the failover": {
			[]target.Set{{"A", at(6, 100), chain(9, 2)}}, []target.Part{{"A", 2, at(6, 100), at(9, 0)}},
		},
		"a set in the last segment has no point": {[]target.Set{{"A", at(9, 100), plain}}, nil},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, target.Parts(c.sets, size)) })
	}
}

func TestPick_RepeatsAndStaysInside(t *testing.T) {
	parts := target.Parts([]target.Set{{"A", at(3, 100), chain(9, 1)}, {"B", at(6, 100), chain(9, 1)}}, size)
	picked := map[string]int{}
	for seed := range int64(500) {
		one, ok := target.Pick(parts, nil, seed, time.Now())
		require.True(t, ok)
		again, _ := target.Pick(parts, nil, seed, time.Now().Add(time.Hour))
		assert.Equal(t, one, again, "the same seed, the same point")
		assert.Greater(t, one.At, one.Part.From)
		assert.LessOrEqual(t, one.At, one.Part.To)
		assert.Equal(t, 2, one.Never)
		picked[one.Part.Set]++
	}
	assert.Greater(t, picked["A"], 150)
	assert.Greater(t, picked["B"], 150)
	_, ok := target.Pick(nil, nil, 1, time.Now())
	assert.False(t, ok)
}

func TestPick_PrefersWhatWasNotDrilledLately(t *testing.T) {
	parts := target.Parts([]target.Set{{"A", at(3, 100), chain(9, 1)}, {"B", at(6, 100), chain(9, 1)}}, size)
	now := time.Now()
	picked := map[string]int{}
	for seed := range int64(500) {
		one, _ := target.Pick(parts, map[string]time.Time{"A@1": now.Add(-time.Hour), "B@1": now.Add(-99 * time.Hour)},
			seed, now)
		assert.Zero(t, one.Never)
		picked[one.Part.Set]++
	}
	assert.Less(t, picked["A"], 25, "an hour against 99")
	one, _ := target.Pick(parts, map[string]time.Time{"A@1": now.Add(time.Hour)}, 1, now)
	assert.Equal(t, 1, one.Never, "a memory of the future is no reason to fall over")
}

func TestAround(t *testing.T) {
	over := func(last uint64) wal.Chain { return chain(last, 2, wal.Switch{Timeline: 1, At: at(7, 0x28)}) }
	set, before, after, err := target.Around(
		[]target.Set{{"A", at(3, 100), over(9)}, {"B", at(4, 100), over(9)}, {"C", at(8, 9), chain(9, 2)}}, size,
	)
	require.NoError(t, err)
	assert.Equal(t, "B", set.Label, "the newest that is early enough")
	assert.Equal(t, at(6, 1), before)
	assert.Equal(t, at(9, 0), after)
	_, _, after, err = target.Around([]target.Set{{"A", at(3, 100), over(7)}}, size)
	require.NoError(t, err)
	assert.Equal(t, at(7, 0x29), after, "nothing but the segment of the failover itself")
	for name, sets := range map[string][]target.Set{
		"no set": nil, "no failover": {{"A", at(3, 100), chain(9, 1)}},
		"a set just before it": {{"A", at(6, 100), over(9)}},
	} {
		_, _, _, err = target.Around(sets, size)
		assert.Error(t, err, name)
	}
}

func TestMemory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	parts := target.Parts([]target.Set{{"A", at(3, 100), chain(9, 1)}, {"B", at(6, 100), chain(9, 1)}}, size)
	now := time.Date(2026, 11, 25, 4, 0, 0, 0, time.UTC)
	last, err := target.Recall(file, "demo")
	require.NoError(t, err)
	assert.Empty(t, last)
	require.NoError(t, target.Remember(file, "demo", parts, parts[0], now))
	require.NoError(t, target.Remember(file, "other", parts[1:], parts[1], now))
	require.NoError(t, target.Remember(file, "demo", parts[1:], parts[1], now.Add(time.Hour)))
	last, err = target.Recall(file, "demo")
	require.NoError(t, err)
	assert.Equal(t, map[string]time.Time{"B@1": now.Add(time.Hour)}, last, "A is in the window no more")
	last, _ = target.Recall(file, "other")
	assert.Equal(t, map[string]time.Time{"B@1": now}, last, "another stanza's stays")
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err = target.Recall(file, "demo")
	require.ErrorContains(t, err, "begun anew")
	require.NoError(t, target.Remember(file, "demo", parts, parts[0], now))
	assert.Error(t, target.Remember(filepath.Join(file, "none"), "demo", parts, parts[0], now))
}

// The worst moment is just before the set after the longest stretch, and what is replayed counts over a failover.
func TestMostReplay(t *testing.T) {
	from := func(label string, start, stop uint64, follows wal.Chain) target.Set {
		first := wal.Entry{Segment: wal.Segment{Timeline: 1, Number: start}}
		follows.Entries = append([]wal.Entry{first}, follows.Entries...)
		return target.Set{Label: label, Stop: at(stop, 0), Chain: follows}
	}
	plain := func(label string, stop uint64) target.Set { return from(label, stop, stop, chain(40, 1)) }
	failedOver := chain(90, 2, wal.Switch{Timeline: 1, At: at(60, 0x28)})
	early, over := from("B", 5, 5, failedOver), from("C", 30, 30, failedOver)
	for name, c := range map[string]struct {
		sets []target.Set
		want string
		to   wal.LSN
		most wal.LSN
	}{
		"since the last set": {
			[]target.Set{plain("A", 2), plain("B", 5)},
			"B", at(40, 0), at(35, 0),
		},
		"between two sets": {
			[]target.Set{plain("A", 2), plain("B", 30)},
			"A", at(30, 0), at(28, 0),
		},
		"a set that took long is replayed from its start": {
			[]target.Set{from("A", 2, 20, chain(40, 1)), plain("B", 24)},
			"A", at(24, 0), at(22, 0),
		},
		"over a failover": {
			[]target.Set{early, over},
			"C", at(90, 0), at(60, 0),
		},
	} {
		part, most, ok := target.MostReplay(c.sets, size)
		assert.True(t, ok, name)
		assert.Equal(t, []any{c.want, c.to, c.most}, []any{part.Set, part.To, most}, name)
	}
	_, _, ok := target.MostReplay(nil, size)
	assert.False(t, ok)
}
