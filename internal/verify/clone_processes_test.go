package verify

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
)

// PostgreSQL's own processes pass, those of the chosen libraries are noted, and what moves
// data or runs jobs is a finding, whichever library it comes from.
func TestJudgeProcess(t *testing.T) {
	none, named := Libraries{}, Libraries{Preload: []string{"timescaledb"}}
	for _, kind := range []string{"client backend", "checkpointer", "walwriter", "walsummarizer", "io " +
		"worker", "autovacuum worker"} {
		for _, libraries := range []Libraries{none, named} {
			note, err := judgeProcess(kind, libraries)
			assert.NoError(t, err, kind)
			assert.Empty(t, note, kind)
		}
	}
	note, err := judgeProcess("TimescaleDB Background Worker Launcher", named)
	assert.NoError(t, err)
	assert.Equal(t, `a process "TimescaleDB Background Worker Launcher" of a preloaded library runs in the sandbox`,
		note)
	finding := func(kind string, libraries Libraries) {
		_, err := judgeProcess(kind, libraries)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.IsolationBreached, why, kind)
		assert.ErrorContains(t, err, kind)
	}
	finding("TimescaleDB Background Worker Launcher", none)
	for _, kind := range []string{
		"archiver", "walreceiver", "walsender", "logical replication launcher", "logical replication apply worker",
		"logical replication worker",
		"slotsync worker", "pg_cron launcher", "pglogical supervisor", "pg_net 0.8.0 worker", "spock supervisor",
		"bdr per-db worker", "pg_failover_slots worker", "pg_partman background worker", "squeeze worker",
		"TimescaleDB Background Worker Scheduler",
	} {
		finding(kind, none)
		finding(kind, named)
	}
}

// A library that was only assumed excuses its own processes, and nobody else's.
func TestJudgeProcess_AssumedLibraries(t *testing.T) {
	assumed := Libraries{Preload: []string{"citus", "timescaledb"}, Assumed: true}
	for _, kind := range []string{
		"TimescaleDB Background Worker Launcher", "Citus Maintenance Daemon: 16384/10",
		"Citus Background Task Queue Monitor: 16384/10",
	} {
		note, err := judgeProcess(kind, assumed)
		assert.NoError(t, err, kind)
		assert.Contains(t, note, kind)
	}
	for _, kind := range []string{"a worker of something else", "TimescaleDB Background Worker Scheduler", "archiver"} {
		_, err := judgeProcess(kind, assumed)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.IsolationBreached, why, kind)
	}
	assumed.Preload = []string{"timescaledb"}
	_, err := judgeProcess("Citus Maintenance Daemon: 16384/10", assumed)
	assert.Error(t, err, "it is not loaded")
	note, err := judgeProcess("a worker of something else", Libraries{Preload: []string{"something"}})
	assert.NoError(t, err, "production names it")
	assert.NotEmpty(t, note)
}
