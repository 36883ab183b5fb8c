package procgroup

import (
	"io"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// guard is a shell in a session of its own that waits for the end of its
// standard input, which comes when this process dies, even by SIGKILL. A parent
// death signal would not do: it reaches the leader alone, and cmd/go and
// test2json do not pass it on.
type guard struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

// guardScript gets the group's id and the seconds of grace.
const guardScript = `read -r _
kill -s INT -- "-$1" 2>/dev/null
n=0
while [ "$n" -lt "$2" ] && kill -s 0 -- "-$1" 2>/dev/null; do sleep 1; n=$((n+1)); done
kill -s KILL -- "-$1" 2>/dev/null`

func newGuard(group int, grace time.Duration) (*guard, error) {
	cmd := exec.Command("/bin/sh", "-c", guardScript, "guard", strconv.Itoa(group), strconv.Itoa(int(grace.Seconds())))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Dir = "/"
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return &guard{cmd, stdin}, cmd.Start()
}

// dismiss ends the guard without touching the group: killed first, it cannot
// see the end of its input.
func (g *guard) dismiss() {
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait()
	_ = g.stdin.Close()
}
