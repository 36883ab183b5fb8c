package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// OwnerFile stands in a directory of sockets and says whose it is.
const OwnerFile = "owner"

// Owner is a process of one boot of one machine. A machine is known by its machine-id and
// its name: clones often share the first.
type Owner struct {
	machine string
	boot    string
	PID     int
	started string // clock ticks since boot: with the pid it names one process for ever
}

// ThisOwner is this very process, as it is written into tags.
var ThisOwner = sync.OnceValue(func() string {
	o := Owner{machine: machine(), boot: boot(), PID: os.Getpid(), started: startOf(os.Getpid())}
	return fmt.Sprintf("%s %s %d %s", o.machine, o.boot, o.PID, o.started)
})

// ParseOwner reads what ThisOwner wrote; false for anything else.
func ParseOwner(text string) (Owner, bool) {
	f := strings.Fields(text)
	if len(f) != 4 {
		return Owner{}, false
	}
	pid, err := strconv.Atoi(f[2])
	return Owner{machine: f[0], boot: f[1], PID: pid, started: f[3]}, err == nil && pid > 0
}

// Here says whether the owner was a process of this machine.
func (o Owner) Here() bool { return o.machine == machine() }

// Alive says whether the owner still runs; only for one that is here.
func (o Owner) Alive() bool {
	return o.boot == boot() && o.started != "" && startOf(o.PID) == o.started
}

// machine is one word for this machine.
var machine = sync.OnceValue(func() string {
	id, _ := os.ReadFile("/etc/machine-id") // a machine without one has its name
	name, _ := os.Hostname()
	return strings.ReplaceAll(strings.TrimSpace(string(id))+"@"+name, " ", "_")
})

// boot is one word for the time since this machine was started.
var boot = sync.OnceValue(func() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // always there on Linux
	return "boot-" + strings.TrimSpace(string(id))
})

// startOf is when a process was started, "" when it has ended.
func startOf(pid int) string {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	text := string(content)
	f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]) // f[0] is field 3 of proc(5)
	if len(f) < 20 || f[0] == "Z" {
		return ""
	}
	return f[19]
}

// Private says whether a directory is one of this user's own that nobody else may enter.
func Private(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.IsDir() && int(s.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}

// ReadOwner reads the owner's file of a directory of sockets; none is nobody.
func ReadOwner(path string) (Owner, bool, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Owner{}, false, nil
	}
	o, ok := ParseOwner(string(content))
	return o, ok, err
}

// Self says whether the owner is this very process.
func (o Owner) Self() bool { return o.PID == os.Getpid() && o.Alive() }
