package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var delays = []time.Duration{0, 20 * time.Millisecond}

// Much WAL is replayed in every way, near and far; a large database shows the drill's share.
func TestRowsOf(t *testing.T) {
	rows := rowsOf(replayed(160), delays)
	for _, delay := range delays {
		for _, row := range []Row{
			{Source: "wal", RoundTrip: delay},
			{Source: "wal", RoundTrip: delay, Replay: Replay{Async: true}},
			{Source: "wal", RoundTrip: delay, Replay: Replay{Async: true, Tuned: true}},
			{Source: "wal", RoundTrip: delay, Replay: asTheDrill, Drill: true, Deep: "none"},
			{Source: "wal", RoundTrip: delay, Replay: asTheDrill, Drill: true, Deep: "all"},
		} {
			assert.Contains(t, rows, row)
		}
	}
	seen := map[Row]bool{}
	for _, row := range rows {
		assert.False(t, seen[row], "%s is there twice", row)
		seen[row] = true
	}
	share := rowsOf(sized(5), delays)
	require.Len(t, share, 2)
	assert.Equal(t, share[1].rawAsDrill(), share[0])
	assert.Equal(t, "5GB     0 ms  drill, -deep none", share[1].String())
}

// Every second round goes the other way.
func TestInTurn(t *testing.T) {
	rows := rowsOf(sized(1), nil)
	assert.Equal(t, rows, inTurn(rows, 1))
	assert.Equal(t, []Row{rows[1], rows[0]}, inTurn(rows, 2))
	assert.Equal(t, rows, rowsOf(sized(1), nil), "the rows themselves stay as they are")
}

func TestOptions(t *testing.T) {
	sizes, err := Numbers("0.1, 1,5")
	require.NoError(t, err)
	assert.Equal(t, []float64{0.1, 1, 5}, sizes)
	none, err := Numbers(" ")
	require.NoError(t, err)
	assert.Empty(t, none)
	far, err := RoundTrips("0,20")
	require.NoError(t, err)
	assert.Equal(t, delays, far)
	for _, wrong := range []string{"1,", "x", "-1", "NaN", "1e9", "+Inf"} {
		_, err = Numbers(wrong)
		require.Error(t, err, wrong)
	}
}
