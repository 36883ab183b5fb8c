package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"veza.fr/recovery/internal/wait"
)

// markName begins the environment variable every command carries, and with it
// all its descendants: wherever they go (a new session, another working
// directory) they are found by it. Only PostgreSQL's backends overwrite theirs;
// they are found by their working directory, and end with their postmaster.
const markName = "VEZA_SCRATCH="

// matcher says whether a process is meant.
type matcher func(pid int) bool

// marked matches the descendants of one command.
func marked(mark string) matcher {
	return func(pid int) bool {
		return slices.Contains(environ(pid), mark)
	}
}

// inScratch matches whatever runs in one of the directories or was started by
// their host. An operator's shell that went there to look is not meant.
func inScratch(dirs ...string) matcher {
	return func(pid int) bool {
		if cwd, err := asOwner(pid, "cwd", os.Readlink); err == nil && within(cwd, dirs) && !interactive(pid) {
			return true
		}
		return slices.ContainsFunc(environ(pid), func(e string) bool {
			mark, ok := strings.CutPrefix(e, markName)
			return ok && slices.ContainsFunc(dirs, func(d string) bool { return strings.HasPrefix(mark, d+"#") })
		})
	}
}

// within says whether path is one of dirs or below; the kernel appends
// " (deleted)" to a working directory that is gone.
func within(path string, dirs []string) bool {
	path = strings.TrimSuffix(path, " (deleted)")
	return slices.ContainsFunc(dirs, func(d string) bool { return path == d || strings.HasPrefix(path, d+"/") })
}

// stat is what /proc/PID/stat says about a process.
type stat struct {
	name     string
	state    string // "Z" is dead and not waited for
	parent   int
	terminal int    // 0: none
	started  string // clock ticks since boot; with the pid it names one process for ever
}

// statOf reads /proc/PID/stat; a process that is gone gives the zero value.
func statOf(pid int) stat {
	content, err := os.ReadFile(procPath(pid, "stat"))
	open, end := bytes.IndexByte(content, '('), bytes.LastIndexByte(content, ')')
	if err != nil || open < 0 || end < open {
		return stat{}
	}
	f := strings.Fields(string(content[end+1:])) // f[0] is field 3 of proc(5)
	if len(f) < 20 {
		return stat{}
	}
	s := stat{name: string(content[open+1 : end]), state: f[0], started: f[19]}
	s.parent, _ = strconv.Atoi(f[1])
	s.terminal, _ = strconv.Atoi(f[4])
	return s
}

// interactive says whether a process sits at somebody's terminal and is neither
// of the two programs the drill leaves there.
func interactive(pid int) bool {
	s := statOf(pid)
	return s.terminal != 0 && s.name != "postgres" && s.name != "pgbackrest"
}

func procPath(pid int, file string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), file)
}

// environ is the environment a process was started with; empty when it is not ours to read.
func environ(pid int) []string {
	content, err := asOwner(pid, "environ", os.ReadFile)
	if err != nil {
		return nil
	}
	return strings.Split(string(content), "\x00")
}

// processes lists what matches, this process and the dead left out.
func processes(match matcher) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && pid != os.Getpid() && match(pid) && statOf(pid).state != "Z" {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// endAll ends every process that matches and waits until they are gone. A
// postmaster is asked to stop at once (SIGQUIT) first, because a killed one leaves
// shared memory behind; it takes its backends along. Everything else is killed.
func endAll(ctx context.Context, match matcher) error {
	ctx, cancel := context.WithTimeout(ctx, quitTime+killTime)
	defer cancel()
	begin := time.Now()
	asked := map[int]bool{}
	return wait.For(ctx, "processes to end", 10*time.Millisecond, func(context.Context) error {
		pids, err := processes(match)
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			err = errors.Join(err, endOne(pid, pids, match, asked, time.Since(begin) > quitTime))
		}
		return errors.Join(fmt.Errorf("still there: %v", pids), err)
	})
}

// endOne sends one process of pids the signal its turn calls for; hard ends patience.
func endOne(pid int, pids []int, match matcher, asked map[int]bool, hard bool) error {
	signal := syscall.SIGKILL
	if s := statOf(pid); s.name == "postgres" && !hard {
		if asked[pid] || slices.Contains(pids, s.parent) && statOf(s.parent).name == "postgres" {
			return nil
		}
		asked[pid] = true
		signal = syscall.SIGQUIT
	}
	p, err := os.FindProcess(pid) // a pidfd: what is checked next is what the signal reaches
	if err != nil || !match(pid) {
		return nil // it has gone meanwhile
	}
	defer p.Release() //nolint:errcheck // only a handle
	if err := p.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %d to process %d: %w", signal, pid, err)
	}
	return nil
}
