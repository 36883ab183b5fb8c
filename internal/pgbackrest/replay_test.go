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
		switches       int
		async          bool
		why            string
	}{
		{GetAuto, "2.45", 0, true, "safe on one timeline with pgBackRest 2.45"},
		{GetAuto, "2.45", 2, false, "the archive changes its timeline 2 times, and an asynchronous one of pgBackRest " +
			"before 2.59 may then miss a segment; this is 2.45"},
		{GetAuto, "2.58.0", 1, false, ""},
		{GetAuto, "2.59.0", 1, true, "safe with pgBackRest 2.59.0"},
		{GetOn, "2.45", 0, true, "-get-async=on"},
		{GetOn, "2.59.1", 3, true, "-get-async=on"},
		{GetOn, "2.45", 1, true, "-get-async=on; pgBackRest 2.45 may miss a segment at a change of timeline, " +
			"which ends recovery there (mended in 2.59)"},
		{GetOff, "2.59.1", 0, false, "-get-async=off"},
	} {
		how := ChooseGetting(c.asked, c.version, c.switches)
		assert.Equal(t, c.async, how.Async, "%+v", c)
		if c.why != "" {
			assert.Equal(t, c.why, how.Why)
		}
	}
	assert.Equal(t, "archive-get brings one segment at a time: -get-async=off", Getting{Why: "-get-async=off"}.String())
	assert.Equal(t, "archive-get works ahead of the replay, asynchronously, 2 at a time: because",
		Getting{Async: true, Processes: 2, Why: "because"}.String())
}

// What works beside the replay does so where the run's own things are, and no conf says otherwise.
func TestReplayEnv(t *testing.T) {
	client := &Client{Spool: "/box/spool", Lock: "/box/lock", Patience: []string{"PGBACKREST_IO_TIMEOUT=30"}}
	assert.Equal(t, []string{"PGBACKREST_IO_TIMEOUT=30", "PGBACKREST_ARCHIVE_ASYNC=n"}, client.ReplayEnv(Getting{}))
	env := client.ReplayEnv(Getting{Async: true, Processes: 2})
	for _, want := range []string{
		"PGBACKREST_IO_TIMEOUT=30", "PGBACKREST_ARCHIVE_ASYNC=y", "PGBACKREST_SPOOL_PATH=/box/spool",
		"PGBACKREST_LOCK_PATH=/box/lock", "PGBACKREST_PROCESS_MAX=2",
	} {
		assert.Contains(t, env, want)
	}
	client.Lock = "" // of a node, whose conf says it
	assert.NotContains(t, strings.Join(client.ReplayEnv(Getting{Async: true, Processes: 2}), " "), "LOCK_PATH")
	assert.Equal(t, 4, ChooseGetting(GetAuto, "2.59", 0).With(64).Processes)
	assert.Equal(t, 1, ChooseGetting(GetAuto, "2.59", 0).With(0).Processes)
}

// The conf decides, as the command sees it; without it the cores of the machine.
func TestProcesses(t *testing.T) {
	conf := "[global]\nrepo1-path=/r\nprocess-max=2\n[global:restore]\nprocess-max=6\n[veza]\npg1-path=/p\n"
	c, err := ParseConfig("c.conf", []byte(conf))
	require.NoError(t, err)
	n, why := c.Processes("veza", "restore", 8)
	assert.Equal(t, 6, n)
	assert.Equal(t, "process-max of c.conf:5", why)
	n, _ = c.Processes("veza", "archive-get", 8)
	assert.Equal(t, 2, n)
	for _, text := range []string{"[veza]\npg1-path=/p\n", "[veza]\npg1-path=/p\nprocess-max=many\n"} {
		c, err = ParseConfig("c.conf", []byte(text))
		require.NoError(t, err)
		n, why = c.Processes("veza", "restore", 8)
		assert.Equal(t, 8, n)
		assert.Equal(t, "the cores of this machine, for c.conf has no process-max", why)
		n, _ = c.Processes("veza", "restore", 0)
		assert.Equal(t, 1, n)
	}
}
