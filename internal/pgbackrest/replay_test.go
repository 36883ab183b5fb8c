package pgbackrest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Asynchronous where no segment can be missed by it, and as somebody says where somebody says so.
func TestChooseGetting(t *testing.T) {
	for _, c := range []struct {
		asked, version string
		async          bool
		why            string
	}{
		{GetAuto, "2.45", false, "an asynchronous one of pgBackRest before 2.59 may miss a segment; this is 2.45"},
		{GetAuto, "2.58.0", false, ""},
		{GetAuto, "2.59.0", true, "safe with pgBackRest 2.59.0"},
		{GetOn, "2.59.1", true, "-get-async=on"},
		{GetOn, "2.45", true, "-get-async=on; pgBackRest 2.45 may miss a segment, which ends recovery there " +
			"(mended in 2.59)"},
		{GetOff, "2.59.1", false, "-get-async=off"},
	} {
		how := ChooseGetting(c.asked, c.version)
		assert.Equal(t, c.async, how.Async, "%+v", c)
		if c.why != "" {
			assert.Equal(t, c.why, how.Why)
		}
	}
	assert.Equal(t, "archive-get brings one segment at a time: -get-async=off", Getting{Why: "-get-async=off"}.String())
	assert.Equal(t, "archive-get works ahead of the replay, asynchronously: because; process-max=2 (/c:3)",
		Getting{Async: true, Processes: Processes{conf: "process-max=2 (/c:3)"}, Why: "because"}.String())
}

// What works beside the replay does so where the run's own things are. What the conf says of it, pgBackRest reads
// itself: it refuses a value that is none, as it does in a real restore.
func TestReplayEnv(t *testing.T) {
	client := &Client{Spool: "/box/spool", Lock: "/box/lock", Patience: []string{"PGBACKREST_IO_TIMEOUT=30"}}
	assert.Equal(t, []string{"PGBACKREST_IO_TIMEOUT=30", "PGBACKREST_ARCHIVE_ASYNC=n"}, client.ReplayEnv(Getting{}))
	own := []string{
		"PGBACKREST_IO_TIMEOUT=30", "PGBACKREST_ARCHIVE_ASYNC=y", "PGBACKREST_SPOOL_PATH=/box/spool",
		"PGBACKREST_LOCK_PATH=/box/lock",
	}
	for conf, want := range map[string][]string{
		"": {
			"PGBACKREST_ARCHIVE_GET_QUEUE_MAX=128MiB", "PGBACKREST_ARCHIVE_TIMEOUT=300", "PGBACKREST_PROCESS_MAX=4",
		},
		"process-max=many\narchive-timeout=1\narchive-get-queue-max=1GiB\n": nil,
	} {
		c, err := ParseConfig("c.conf", []byte("[veza]\npg1-path=/p\n"+conf))
		require.NoError(t, err)
		assert.Equal(t, append(own, want...), client.ReplayEnv(c.Getting("veza", GetOn, "2.59", 64)), conf)
	}
	client.Lock = "" // of a node, whose conf says it
	assert.NotContains(t, strings.Join(client.ReplayEnv(Getting{Async: true}), " "), "LOCK_PATH")
}

// The conf decides, as the command sees it; without it the cores of the machine.
func TestProcesses(t *testing.T) {
	conf := "[global]\nrepo1-path=/r\nprocess-max=2\n[global:restore]\nprocess-max=6\n[veza]\npg1-path=/p\n"
	c, err := ParseConfig("c.conf", []byte(conf))
	require.NoError(t, err)
	assert.Equal(t, "process-max=6 (c.conf:5)", c.Processes("veza", "restore", 8).String())
	assert.Equal(t, "process-max=2 (c.conf:3)", c.Processes("veza", "archive-get", 8).String())
	assert.Zero(t, c.Processes("veza", "restore", 8).Option)
	c, err = ParseConfig("c.conf", []byte("[veza]\npg1-path=/p\n"))
	require.NoError(t, err)
	assert.Equal(t, 8, c.Processes("veza", "restore", 8).Option)
	assert.Equal(t, 1, c.Processes("veza", "restore", 0).Option)
	assert.Equal(t, "process-max=8, by the cores of this machine: c.conf has none",
		c.Processes("veza", "restore", 8).String())
}
