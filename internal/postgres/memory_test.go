package postgres

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
)

// A limit may stand in the group of a process or in any above it, of both kinds of control groups.
func TestLimitFiles(t *testing.T) {
	assert.Equal(t, []string{
		"/sys/fs/cgroup/system.slice/drill.service/memory.max", "/sys/fs/cgroup/system.slice/memory.max",
		"/sys/fs/cgroup/memory.max",
	}, limitFiles("0::/system.slice/drill.service\n"))
	assert.Equal(t, []string{
		"/sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.limit_in_bytes",
	}, limitFiles("12:pids:/docker\n4:cpu,memory:/docker\n1:name=systemd:/x\n"))
	assert.Empty(t, limitFiles("no such file\n"))
}

// What the kernel calls available counts, and the smallest limit; what is not known is nothing.
func TestAvailableMemory(t *testing.T) {
	info := "/proc/meminfo:MemTotal:       24684000 kB\n/proc/meminfo:MemAvailable:   8388608 kB\n"
	for said, want := range map[string]int64{
		info:                                     8 << 30,
		info + "/sys/fs/cgroup/memory.max:max\n": 8 << 30,
		info + "/sys/fs/cgroup/a/memory.max:1073741824\n/sys/fs/cgroup/memory.max:max\n": 1 << 30,
		info + "/sys/fs/cgroup/memory/memory.limit_in_bytes:9223372036854771712\n":       8 << 30,
		"/proc/meminfo:MemTotal:       24684000 kB\n":                                    0,
		"/sys/fs/cgroup/memory.max:1073741824\n":                                         0,
		"":                                                                               0,
	} {
		assert.Equal(t, want, availableMemory(said), said)
	}
}

// memoryHost answers as a machine with one control group does.
type memoryHost struct {
	host.Host
	ran []string
}

func (h *memoryHost) Run(_ context.Context, c host.Command) (host.Result, error) {
	h.ran = append(h.ran, strings.Join(c.Argv, " "))
	if c.Argv[0] == "cat" {
		return host.Result{Stdout: []byte("0::/\n")}, nil
	}
	result := host.Result{Stdout: []byte("/proc/meminfo:MemAvailable:   4194304 kB\n")}
	return result, &host.ExitError{Argv: c.Argv, Code: 2, Result: result} // one of the files is not there
}

// A file that is not there is no limit.
func TestMemory(t *testing.T) {
	machine := &memoryHost{}
	assert.EqualValues(t, 4<<30, memory(t.Context(), machine))
	require.Len(t, machine.ran, 2)
	assert.True(t, slices.Contains(strings.Fields(machine.ran[1]), "/sys/fs/cgroup/memory.max"))
}
