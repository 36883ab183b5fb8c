package postgres

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Pages get a quarter of the memory that is there, never less than the drill always had, and no more than pays.
func TestBuffers(t *testing.T) {
	for memory, want := range map[int64]int{
		0: 128, 64 << 20: 128, 512 << 20: 128, 600 << 20: 150, 4 << 30: 1024, 8 << 30: 2048, 1 << 50: 2048,
	} {
		assert.Equal(t, want, buffers(memory), memory)
	}
}

// Two segments of any size have room.
func TestReplayed_WALSizes(t *testing.T) {
	for size, want := range map[string]string{
		"1048576": "80MB 1024MB", "16777216": "80MB 1024MB", "67108864": "128MB 1024MB", "1073741824": "2048MB 2048MB",
		"": "80MB 1024MB",
	} {
		list := replayed(replaySize{0, segmentMegabytes(Control{"Bytes per WAL segment": size})}, 15)
		least, most, _ := strings.Cut(want, " ")
		assert.Contains(t, list, "min_wal_size="+least, size)
		assert.Contains(t, list, "max_wal_size="+most, size)
	}
}

// A version is not asked for what it does not know, nothing makes a cluster less durable, and every fact says where
// it is from.
func TestReplayed(t *testing.T) {
	size := replaySize{4 << 30, 16}
	assert.Contains(t, replayed(size, 15), "shared_buffers=1024MB")
	assert.Contains(t, replayed(size, 12), "wal_recycle=off")
	assert.NotContains(t, replayed(size, 11), "wal_recycle=off")
	for _, r := range replaySettings {
		assert.NotEmpty(t, r.source, r.name)
		assert.True(t, ofMachine(r.name), "%s of the restored configuration would go before it", r.name)
		assert.NotContains(t, []string{"fsync", "full_page_writes", "data_sync_retry", "synchronous_commit"}, r.name)
	}
}

// They are on the command line of every start.
func TestSettings_Replay(t *testing.T) {
	list := (&Server{memory: 2 << 30, Installation: Installation{Version: "15.20"}}).settings(Control{}, nil)
	assert.Contains(t, list, "shared_buffers=512MB")
	assert.Contains(t, list, "dynamic_shared_memory_type=mmap")
}

// A sandbox with clearly less memory than the node says what the replay has here and there.
func TestSmaller(t *testing.T) {
	assert.Equal(t, "shared_buffers = 512MB for the replay, and production's node would have 2048MB: the replay may "+
		"be slower than there (-memory, in Incus and Docker)", smaller(2<<30, 16<<30))
	assert.Empty(t, smaller(4<<30-200<<20, 4<<30), "some of it is always in use")
	assert.Empty(t, smaller(16<<30, 4<<30))
	assert.Empty(t, smaller(8<<30, 64<<30), "there is no more than so much for pages")
}

// A start that the machine has no memory for is tried with the least, once; what else fails is not.
func TestLowered(t *testing.T) {
	said := "FATAL:  could not map anonymous shared memory: Cannot allocate memory\n"
	server := &Server{Host: &logHost{content: said}, memory: 4 << 30}
	assert.True(t, server.lowered(t.Context()))
	assert.Equal(t, "shared_buffers = 1024MB was refused by this machine (could not map anonymous shared memory: "+
		"Cannot allocate memory), 128MB is in its place: the replay is slower", server.Lowered)
	assert.Equal(t, leastBuffers, buffers(server.memory))
	assert.False(t, server.lowered(t.Context()), "there is nothing less")
	server = &Server{Host: &logHost{content: "FATAL:  could not open file \"base/1\"\n"}, memory: 4 << 30}
	assert.False(t, server.lowered(t.Context()))
	assert.Empty(t, server.Lowered)
}
