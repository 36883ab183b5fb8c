package process

import (
	"errors"
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// arch is the kernel's name for the system calls of this program; 0 where this file knows none.
var arch = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]

// x32 begins the numbers of a second set of system calls on amd64.
const x32 = 0x40000000

// startUnconnected starts a command whose processes, down to the last descendant, can open no
// connection and no socket but those that have a path: a server still listens on one. Unlike
// a network namespace this closes the sockets of other servers on this machine as well, and
// it needs no right. A filter belongs to a thread and is inherited by what the thread starts;
// the thread ends with its goroutine, since it is never unlocked.
func startUnconnected(cmd *exec.Cmd) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := denyConnections(); err != nil {
			started <- err
			return
		}
		started <- cmd.Start()
	}()
	return <-started
}

// denyConnections installs the filter in this thread (seccomp(2); offsets are those of struct seccomp_data).
func denyConnections() error {
	if arch == 0 {
		return errors.New("no filter of system calls for this kind of processor")
	}
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		above = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		end   = unix.BPF_RET | unix.BPF_K

		number, architecture, firstArgument = 0, 4, 16
	)
	program := []unix.SockFilter{
		{Code: load, K: architecture},
		{Code: equal, K: arch, Jf: 9}, // other numbers mean other calls
		{Code: load, K: number},
		{Code: above, K: x32, Jt: 7},
		{Code: equal, K: unix.SYS_CONNECT, Jt: 6},
		{Code: equal, K: unix.SYS_IO_URING_SETUP, Jt: 5}, // which connects by other means
		{Code: equal, K: unix.SYS_SOCKET, Jf: 3},
		{Code: load, K: firstArgument},
		{Code: equal, K: unix.AF_UNIX, Jt: 1},
		{Code: equal, K: unix.AF_NETLINK, Jf: 1}, // asks the kernel alone
		{Code: end, K: unix.SECCOMP_RET_ALLOW},
		{Code: end, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)), 0, 0)
}
