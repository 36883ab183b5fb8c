package verify

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
)

// PostgreSQL's own processes pass, those of the chosen libraries are noted, and what moves
// data or runs jobs is a finding, whichever library it comes from.
func TestJudgeProcess(t *testing.T) {
	for _, kind := range []string{"client backend", "checkpointer", "walwriter", "walsummarizer", "io " +
		"worker", "autovacuum worker"} {
		for _, libraries := range []bool{false, true} {
			note, err := judgeProcess(kind, libraries)
			assert.NoError(t, err, kind)
			assert.Empty(t, note, kind)
		}
	}
	note, err := judgeProcess("TimescaleDB Background Worker Launcher", true)
	assert.NoError(t, err)
	assert.Equal(t, `a process "TimescaleDB Background Worker Launcher" of a preloaded library runs in the sandbox`,
		note)
	finding := func(kind string, libraries bool) {
		_, err := judgeProcess(kind, libraries)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.IsolationBreached, why, kind)
		assert.ErrorContains(t, err, kind)
	}
	finding("TimescaleDB Background Worker Launcher", false)
	for _, kind := range []string{
		"archiver", "walreceiver", "walsender", "logical replication launcher", "logical replication apply worker",
		"logical replication worker",
		"slotsync worker", "pg_cron launcher", "pglogical supervisor", "pg_net 0.8.0 worker", "spock supervisor",
		"bdr per-db worker", "pg_failover_slots worker", "pg_partman background worker", "squeeze worker",
		"TimescaleDB Background Worker Scheduler",
	} {
		finding(kind, false)
		finding(kind, true)
	}
}
