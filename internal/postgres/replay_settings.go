package postgres

import (
	"context"
	"strconv"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/wal"
)

// replaySetting is one setting that an archive is replayed with, by what is there to replay it.
type replaySetting struct {
	name   string
	value  func(size replaySize) string
	since  int    // first major version of PostgreSQL that knows it
	source string // where it is known from
}

// replaySize is what the settings of a replay are made from.
type replaySize struct {
	memory  int64 // bytes that a server may use; 0 is not known
	segment int   // of the WAL, in MB
}

// replaySettings are what the drill and a real restore replay an archive with: one list, so that the RTO of a drill
// is what the restore costs. They stand on the command line, and nothing of them stays in the cluster. None
// makes it less durable: fsync and full_page_writes are PostgreSQL's own. The figures are those of decision 34.
var replaySettings = []replaySetting{
	{
		"shared_buffers", func(s replaySize) string { return megabytes(buffers(s.memory)) }, 0,
		"measured: with 128 MB the startup process itself writes most pages out and reads them again",
	},
	// Pages are written and WAL is removed while replay goes on, by another process: what is left to write at its
	// end is little, WAL never fills the disk, and a replay that is cut off goes on from a point not far back.
	{
		"max_wal_size", func(s replaySize) string { return megabytes(max(ownMostWAL, 2*s.segment)) }, 0,
		"measured: of 3 GB of WAL, 1 GB leaves a fifth of the pages to the last checkpoint, 16 GB all of them",
	},
	{
		"min_wal_size", func(s replaySize) string { return megabytes(max(ownLeastWAL, 2*s.segment)) }, 0,
		"PostgreSQL wants room for two segments (xlog.c), of which initdb --wal-segsize makes what it likes",
	},
	{"checkpoint_timeout", fixed("5min"), 0, "PostgreSQL's default: a restart point at least that often"},
	{"checkpoint_completion_target", fixed("0.9"), 0, "PostgreSQL's default since 14: it spreads the writing"},
	{"wal_recycle", fixed("off"), 12, "measured: segments that come from the archive are not written into old ones"},
	{"wal_buffers", fixed("-1"), 0, "PostgreSQL's default: by shared_buffers"},
	// What a machine may not have is not asked for.
	{"huge_pages", fixed("off"), 0, "limits on huge pages end a server that touches one too many (mmap(2), SIGBUS)"},
	{"dynamic_shared_memory_type", fixed("mmap"), 0, "a container may have no /dev/shm, and Docker's has 64 MB"},
}

func fixed(value string) func(replaySize) string { return func(replaySize) string { return value } }

// Memory for pages, in MB. A quarter of what is there leaves room for the files of the cluster in the kernel's cache,
// for fetching segments, and for another drill.
const (
	leastBuffers = 128
	mostBuffers  = 2048
	buffersShare = 4
)

// PostgreSQL's own limits on WAL, in MB.
const (
	ownLeastWAL = 80
	ownMostWAL  = 1024
)

// buffers is shared_buffers in MB for a machine with so many bytes of memory.
func buffers(memory int64) int {
	return int(min(max(memory/buffersShare>>20, leastBuffers), mostBuffers))
}

// replayed are the settings to replay with, for a major version.
func replayed(size replaySize, major int) (list []string) {
	for _, r := range replaySettings {
		if major >= r.since {
			list = append(list, r.name+"="+r.value(size))
		}
	}
	return list
}

// ReplaySettings are, as name=value, what a cluster with WAL segments of the usual size is replayed with on a machine.
func ReplaySettings(ctx context.Context, h host.Host, of Installation) []string {
	major, _ := strconv.Atoi(of.Major()) // 0, of what is no number, has the oldest settings
	return replayed(replaySize{memory: memory(ctx, h), segment: wal.DefaultSegmentSize >> 20}, major)
}

// segmentMegabytes is the size of a WAL segment; a control file that does not say means PostgreSQL's default.
func segmentMegabytes(control Control) int {
	size, err := control.SegmentSize()
	if err != nil {
		size = wal.DefaultSegmentSize
	}
	return max(int(size>>20), 1)
}

func megabytes(n int) string { return strconv.Itoa(n) + "MB" }
