package node

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// PidFile is the file by which PostgreSQL knows that a server works in a data directory. One that did not end by itself
// leaves it there: after a power cut its number is nobody's, or that of any other process.
const PidFile = "postmaster.pid"

// serverIn is a server that works in a directory; 0 is none. A pid file is believed alone where the process that it
// names does not let itself be asked where it works.
func serverIn(dir string) (int, error) {
	if pid := pidOf(dir); pid > 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) && isServer(pid) {
		if works, known := worksIn(pid, dir); works || !known {
			return pid, nil
		}
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || !isServer(pid) {
			continue
		}
		if works, _ := worksIn(pid, dir); works {
			return pid, nil
		}
	}
	return 0, nil
}

// Lives is a server that works in a directory, 0 for none, and whether a cluster is there. What may not be looked at
// tells of neither.
func Lives(dir string) (process int, cluster bool) {
	process, _ = serverIn(dir)
	return process, process != 0 || exists(dir, "PG_VERSION") || exists(dir, "global/pg_control")
}

// pidOf is the process that the pid file of a directory names; 0 is none.
func pidOf(dir string) int {
	content, err := os.ReadFile(filepath.Join(dir, PidFile))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return 0
	}
	return pid
}

// worksIn says whether a process works in a directory: in what is there now, by whatever name it has it, or in what
// was there by that name; not known is that it may not be asked.
func worksIn(pid int, dir string) (works, known bool) {
	link := filepath.Join("/proc", strconv.Itoa(pid), "cwd")
	cwd, err := os.Readlink(link)
	if err != nil {
		return false, errors.Is(err, os.ErrNotExist) // it has ended
	}
	if strings.TrimSuffix(cwd, " (deleted)") == dir {
		return true, true
	}
	there, err := os.Stat(link)
	if err != nil {
		return false, true
	}
	named, err := os.Stat(dir)
	return err == nil && os.SameFile(there, named), true
}

// isServer says whether a process is PostgreSQL's, by either name it is started by: the second is a link that releases
// before 16 have, and older units name.
func isServer(pid int) bool { return isProgram(pid, "postgres") || isProgram(pid, "postmaster") }

// isProgram says whether a process is of a program.
func isProgram(pid int, program string) bool {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	return err == nil && strings.TrimSpace(string(content)) == program
}
