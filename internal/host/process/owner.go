package process

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// asOwner looks at a file of a process in /proc; what is refused to root, with the file system rights of
// the user the process belongs to. Root without CAP_SYS_PTRACE, as in a container without privileges, may
// look at nobody else's processes (ptrace(2), PTRACE_MODE_READ_FSCREDS), and would leave them behind.
func asOwner[T any](pid int, file string, look func(path string) (T, error)) (T, error) {
	found, err := look(procPath(pid, file))
	if !errors.Is(err, fs.ErrPermission) || os.Geteuid() != 0 {
		return found, err
	}
	info, statErr := os.Stat(procPath(pid, ""))
	if statErr != nil {
		return found, statErr
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return found, err
	}
	// The rights are the thread's. One that did not get its own back ends with its goroutine.
	runtime.LockOSThread()
	if _, err = unix.SetfsgidRetGid(int(owner.Gid)); err == nil {
		_, err = unix.SetfsuidRetUid(int(owner.Uid))
	}
	if err == nil {
		found, err = look(procPath(pid, file))
	}
	_, uidErr := unix.SetfsuidRetUid(0)
	_, gidErr := unix.SetfsgidRetGid(0)
	if uidErr == nil && gidErr == nil {
		runtime.UnlockOSThread()
	}
	return found, err
}
