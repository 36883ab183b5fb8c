package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is what a run was measured on.
type Machine struct {
	CPU        string  `json:"cpu"`
	Cores      int     `json:"cores"`
	Memory     int64   `json:"memory_bytes"`
	Kernel     string  `json:"kernel"`
	System     string  `json:"system"`
	PostgreSQL string  `json:"postgresql"`
	PgBackRest string  `json:"pgbackrest"`
	Go         string  `json:"go"`
	Load       float64 `json:"load"` // of the minute before the run: what else it had to do
}

func cores() int { return runtime.NumCPU() }

// machine is this one. What it does not say of itself stays empty.
func machine(v versions) Machine {
	return Machine{
		CPU: field("/proc/cpuinfo", "model name", ":"), Cores: cores(),
		Memory:     kilobytes(field("/proc/meminfo", "MemTotal", ":")),
		Kernel:     strings.TrimSpace(content("/proc/sys/kernel/osrelease")),
		System:     strings.Trim(field("/etc/os-release", "PRETTY_NAME", "="), `"`),
		PostgreSQL: v.postgresql, PgBackRest: v.pgbackrest, Go: runtime.Version(), Load: load(),
	}
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, PostgreSQL %s, pgBackRest %s; %d cores (%s), %.0f GB of memory",
		m.System, m.PostgreSQL, m.PgBackRest, m.Cores, m.CPU, float64(m.Memory)/gigabyte)
}

func content(path string) string {
	text, _ := os.ReadFile(path) // what is not there says nothing
	return string(text)
}

// field is the first value of a name in a file of lines.
func field(path, name, separator string) string {
	lines := bufio.NewScanner(bytes.NewReader([]byte(content(path))))
	for lines.Scan() {
		key, value, found := strings.Cut(lines.Text(), separator)
		if found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kilobytes reads "16326428 kB".
func kilobytes(text string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	return n << 10
}

// load is that of the last minute.
func load() float64 {
	first, _, _ := strings.Cut(content("/proc/loadavg"), " ")
	n, _ := strconv.ParseFloat(first, 64)
	return n
}

// free is what an ordinary user may still write below a directory, in bytes.
func free(dir string) (int64, error) {
	var stat unix.Statfs_t
	err := unix.Statfs(dir, &stat)
	return int64(stat.Bavail) * stat.Bsize, err
}
