package postgres

import (
	"context"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/host"
)

// memory is how many bytes a server may use on a machine: what the kernel calls available, and no more than the
// limits of its control groups. What is not known counts as nothing: the server is then as small as can be.
func memory(ctx context.Context, h host.Host) int64 {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	groups, _ := h.Run(ctx, host.Command{Argv: []string{"cat", "/proc/self/cgroup"}})
	files := append([]string{memInfo}, limitFiles(string(groups.Stdout))...)
	// Some are not there, and grep says so by its status.
	said, _ := h.Run(ctx, host.Command{Argv: append([]string{"grep", "-sH", ""}, files...)})
	return availableMemory(string(said.Stdout))
}

const memInfo = "/proc/meminfo"

// limitFiles are where the kernel may have a limit on the memory of a process, by its /proc/self/cgroup: in its
// control group and those above it (cgroups(7)). In a container the last may be the only one it sees.
func limitFiles(groups string) (files []string) {
	for _, line := range strings.Split(groups, "\n") {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		var root, file string
		switch {
		case fields[0] == "0" && fields[1] == "":
			root, file = "/sys/fs/cgroup", "memory.max"
		case strings.Contains(","+fields[1]+",", ",memory,"):
			root, file = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			files = append(files, path.Join(root, group, file))
			if group == "/" {
				break
			}
		}
	}
	return files
}

var available = regexp.MustCompile(`^MemAvailable:\s+(\d+) kB$`)

// availableMemory reads lines of the form file:content, of memInfo and limitFiles. A limit of no number is none.
func availableMemory(said string) int64 {
	free, limit := int64(0), int64(math.MaxInt64)
	for _, line := range strings.Split(said, "\n") {
		file, content, _ := strings.Cut(line, ":")
		if match := available.FindStringSubmatch(content); file == memInfo && match != nil {
			kilobytes, _ := strconv.ParseInt(match[1], 10, 64) // digits; too many are none
			free = kilobytes << 10
		} else if bytes, err := strconv.ParseInt(content, 10, 64); file != memInfo && err == nil && bytes > 0 {
			limit = min(limit, bytes)
		}
	}
	return min(free, limit)
}

// Memory is how many bytes a server may use on a machine; 0 is not known.
func Memory(ctx context.Context, h host.Host) int64 { return memory(ctx, h) }
