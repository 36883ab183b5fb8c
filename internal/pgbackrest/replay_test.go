package pgbackrest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/wal"
)

// Ahead of the replay, and as somebody says where somebody says so.
func TestChooseGetting(t *testing.T) {
	for _, c := range []struct {
		asked, version string
		size           uint64
		want           Getting
	}{
		{GetAuto, "2.45", wal.DefaultSegmentSize, Getting{Ahead: 4}},
		{GetAuto, "2.59.0", 64 << 20, Getting{Ahead: 2}},
		{GetAuto, "2.59.0", 256 << 20, Getting{Why: "segments of 256 MiB are too large to be fetched ahead"}},
		{GetOn, "2.59.1", wal.DefaultSegmentSize, Getting{Async: true, Why: "-get-async=on"}},
		{GetOn, "2.45", wal.DefaultSegmentSize, Getting{Async: true, Why: "-get-async=on; pgBackRest 2.45 may miss a " +
			"segment, which ends recovery there (mended in 2.59)"}},
		{GetOff, "2.59.1", wal.DefaultSegmentSize, Getting{Why: "-get-async=off"}},
	} {
		assert.Equal(t, c.want, ChooseGetting(c.asked, c.version, c.size), "%+v", c)
	}
	assert.Equal(t, "archive-get brings one segment at a time: -get-async=off", Getting{Why: "-get-async=off"}.String())
	assert.Equal(t, "segments are fetched up to 4 ahead of the replay, by an archive-get each",
		Getting{Ahead: 4}.String())
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
			"PGBACKREST_BUFFER_SIZE=256KiB",
		},
		"process-max=many\narchive-timeout=1\narchive-get-queue-max=1GiB\nbuffer-size=16KiB\n": nil,
	} {
		c, err := ParseConfig("c.conf", []byte("[veza]\npg1-path=/p\n"+conf))
		require.NoError(t, err)
		how := c.Getting("veza", GetOn, "2.59", wal.DefaultSegmentSize, 64)
		assert.Equal(t, append(own, want...), client.ReplayEnv(how), conf)
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
