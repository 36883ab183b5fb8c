package runner

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/testprom/procgroup"
	"veza.fr/recovery/internal/testprom/testreport"
)

// Bounds of the ending of a run.
var (
	grace    = 60 * time.Second // for the command's own clean-up after a signal
	drain    = 5 * time.Second  // for a pipe that a process which is still there keeps open
	reapTime = 2 * time.Minute  // for the reaper
)

// execution is one command under supervision.
type execution struct {
	collector  *testreport.Collector
	group      *procgroup.Group
	signals    <-chan os.Signal
	allowed    time.Duration
	begun      <-chan struct{} // closed when the test begins, from when on it is allowed that long; nil: from the start
	limit      *time.Timer     // ends the run
	graceTimer *time.Timer     // ends its clean-up
	signalled  bool
	ending     bool // the group was told to end
	killed     bool // it had no chance to clean up
}

// execute runs the command to its end, feeds its output to the collector and
// returns its exit status; nil when it could not be started. killed says that it
// was ended without a chance to clean up.
func (r *run) execute(c command) (status *int, killed bool) {
	cmd := exec.Command(c.argv[0], c.argv[1:]...)
	cmd.Env = c.env
	cmd.Stdin = nil
	pipes, err := r.pipes(cmd)
	if err != nil {
		r.collector.Stop(reason.SandboxFailed, err.Error())
		return nil, false
	}
	defer pipes.close()
	group, err := procgroup.Start(cmd, grace)
	pipes.started()
	if err != nil {
		r.collector.Stop(startReason(err), fmt.Sprintf("cannot start %s: %v", c.argv[0], err))
		return nil, false
	}
	defer group.Release()
	x := &execution{collector: r.collector, group: group, signals: r.signals, allowed: r.limit(c)}
	if c.compiles {
		x.begun = r.begun
	}
	pipes.read(r)
	code := x.run(cmd, pipes)
	return &code, x.killed
}

// run supervises the command to its end and gives back its exit status. A
// command that failed, or that left the stream unfinished, may have been killed,
// and the test it ran goes on alone: then what is left of the group is interrupted.
func (x *execution) run(cmd *exec.Cmd, p *pipes) int {
	x.limit, x.graceTimer = time.NewTimer(x.patience()), time.NewTimer(time.Hour)
	defer x.limit.Stop()
	defer x.graceTimer.Stop()
	x.graceTimer.Stop()
	leader := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the status is read from ProcessState
		close(leader)
	}()
	x.supervise(leader)
	status := exitStatus(cmd)
	if x.ending || status != 0 {
		x.empty()
	}
	p.drain()
	if !x.ending && x.collector.Running() {
		x.empty()
	}
	if sig, ok := endedBy(cmd); ok { // after all its output: a reason it published counts
		x.collector.Stop(reason.Interrupted, fmt.Sprintf("%s was ended by the signal %q", cmd.Path, sig))
	}
	return status
}

// supervise waits for the end and passes on what the world wants meanwhile: the
// first signal as SIGINT to the whole group (SIGTERM would kill cmd/go at once,
// and the test binary would die of SIGPIPE in its clean-up), the second, the end
// of the grace period, and the limit as SIGKILL.
func (x *execution) supervise(end <-chan struct{}) {
	for {
		select {
		case <-end:
			return
		case sig := <-x.signals:
			x.signal(sig)
		case <-x.begun:
			x.begun = nil
			x.limit.Reset(x.allowed)
		case <-x.limit.C:
			x.collector.Stop(reason.Timeout, x.tooLong())
			x.kill()
		case <-x.graceTimer.C: // the verdict has its reason by now
			x.kill()
		}
	}
}

// patience is how long it may take until the test begins, or, where nothing is compiled before, until it ends.
func (x *execution) patience() time.Duration {
	if x.begun == nil {
		return x.allowed
	}
	return compileLimit
}

func (x *execution) tooLong() string {
	if x.begun != nil {
		return fmt.Sprintf("no test had begun after %s of compiling, and it was killed", compileLimit)
	}
	return fmt.Sprintf("the run did not end within its limit of %s and was killed", x.allowed)
}

// empty waits until no process of the group is left.
func (x *execution) empty() {
	if !x.ending {
		x.interrupt()
	}
	x.supervise(x.emptied())
}

// emptied is closed when no process of the group is left.
func (x *execution) emptied() chan struct{} {
	done := make(chan struct{})
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), grace+drain)
		defer cancel()
		_ = x.group.WaitEmpty(ctx)
		close(done)
	}()
	return done
}

func (x *execution) signal(sig os.Signal) {
	x.collector.Stop(reason.Interrupted, fmt.Sprintf("testprom received the signal %q", sig))
	if x.signalled {
		x.kill()
		return
	}
	x.signalled = true
	x.interrupt()
}

// interrupt lets the group clean up, for the grace period.
func (x *execution) interrupt() {
	x.ending = true
	x.group.Signal(syscall.SIGINT)
	x.graceTimer.Reset(grace)
}

func (x *execution) kill() {
	x.ending, x.killed = true, true
	x.group.Signal(syscall.SIGKILL)
}

func startReason(err error) reason.Reason {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return reason.ToolMissing
	}
	return reason.SandboxFailed
}

// exitStatus is the command's, 128 + signal when one ended it.
func exitStatus(cmd *exec.Cmd) int {
	if sig, ok := endedBy(cmd); ok {
		return 128 + int(sig)
	}
	return cmd.ProcessState.ExitCode()
}

// endedBy is the signal that ended the command, if one did.
func endedBy(cmd *exec.Cmd) (syscall.Signal, bool) {
	ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ws.Signal(), ok && ws.Signaled()
}

// pipes are the command's standard output and error. They are files of our own,
// so that a process which outlives the command and keeps them open cannot keep
// us waiting.
type pipes struct {
	out, err           *os.File
	childOut, childErr *os.File
	done               chan struct{}
}

func (r *run) pipes(cmd *exec.Cmd) (p *pipes, err error) {
	p = &pipes{done: make(chan struct{}, 2)}
	if p.out, p.childOut, err = os.Pipe(); err != nil {
		return nil, err
	}
	if p.err, p.childErr, err = os.Pipe(); err != nil {
		return nil, errors.Join(err, p.out.Close(), p.childOut.Close())
	}
	cmd.Stdout, cmd.Stderr = p.childOut, p.childErr
	return p, nil
}

// started closes what is the command's alone.
func (p *pipes) started() {
	_ = p.childOut.Close()
	_ = p.childErr.Close()
}

func (p *pipes) read(r *run) {
	go func() {
		defer func() { p.done <- struct{}{} }()
		r.read(p.out)
	}()
	go func() {
		defer func() { p.done <- struct{}{} }()
		r.stderr(p.err)
	}()
}

// drain waits until both pipes are read to their end, a short while at most: the
// command is gone by now.
func (p *pipes) drain() {
	late := time.NewTimer(drain)
	defer late.Stop()
	for range 2 {
		select {
		case <-p.done:
		case <-late.C:
			p.close()
			<-p.done
		}
	}
}

func (p *pipes) close() {
	_ = p.out.Close()
	_ = p.err.Close()
}

// stderr shows the command's standard error and keeps its last lines.
func (r *run) stderr(from io.Reader) {
	reader := bufio.NewReaderSize(from, 64<<10)
	for {
		line, err := reader.ReadSlice('\n') // a longer line is shown in pieces
		if len(line) > 0 {
			_, _ = r.Stderr.Write(line)
			r.collector.Stderr(string(line))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}
