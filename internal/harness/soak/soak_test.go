package soak

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
)

// The same seed draws the same source, and idle ones have no heartbeat that could stand still.
func TestMixed(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(200) {
		m := mixed(rand.New(rand.NewPCG(seed, 1)))
		assert.Equal(t, m, mixed(rand.New(rand.NewPCG(seed, 1))))
		if strings.HasPrefix(m.load, "idle") {
			assert.False(t, m.heartbeat, m)
		}
		seen[m.life], seen[m.load], seen[m.kind] = true, true, true
	}
	for _, word := range []string{
		quiet, switched, twice, failed, crashed, freshly, idle, idleHours, busy, beatOnly, seldomBusy,
		"full", "diff", "incr",
	} {
		assert.True(t, seen[word], word)
	}
}

// A drill is green only when testprom says so and nothing was left behind.
func TestWhy(t *testing.T) {
	red := result{outcome: drilltest.Outcome{Status: 1}}
	red.outcome.Report.Reason = "wal_missing"
	assert.Equal(t, "wal_missing", red.why())
	assert.Equal(t, "exit 2", result{outcome: drilltest.Outcome{Status: 2}}.why())
	assert.Equal(t, "untidy", result{err: assert.AnError}.why())
	assert.Empty(t, result{}.why())
}

// A file and a process that stay are both found, and a lock file is none of them.
func TestLeftovers(t *testing.T) {
	tmp := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(tmp, "veza-drill-x.lock"), nil, 0o600))
	found, err := leftovers(tmp)
	require.NoError(t, err)
	assert.Empty(t, found)

	require.NoError(t, os.WriteFile(filepath.Join(tmp, "core"), nil, 0o600))
	sleeper := exec.Command("sleep", "60")
	sleeper.Env = []string{"TMPDIR=" + tmp}
	require.NoError(t, sleeper.Start())
	defer func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() }() // it was only there to be found
	// A program that was just begun has no environment for a moment: exec gives it one late.
	drilltest.Eventually(t, "the process to be found", func() string {
		if found, err = leftovers(tmp); err != nil || len(found) != 2 {
			return fmt.Sprintf("%v, %v", found, err)
		}
		return ""
	})
	require.NoError(t, err)
	require.Len(t, found, 2)
	assert.Contains(t, found[0], "core")
	assert.Contains(t, found[1], "sleep")
}

// The last line names every reason with its count.
func TestTally(t *testing.T) {
	tally := Tally{Drills: 7, Reds: map[string]int{"wal_missing": 2, "timeout": 1}}
	assert.Equal(t, 3, tally.Red())
	assert.Contains(t, tally.String(), "7 drills, 3 red (timeout 1, wal_missing 2), ")
}
