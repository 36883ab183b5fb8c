package process

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"veza.fr/recovery/internal/host"
)

// drainTime is how long output is read on after a command ended: a child that
// holds the stream open (a daemon) must not hang the caller, and a pipe holds
// no more than 64 KiB.
const drainTime = time.Second

// Run runs a command in a process group of its own, in the scratch directory,
// with an environment of its own. When ctx ends, its group and every process
// that descends from it are killed, also those that left the group.
func (h *Host) Run(ctx context.Context, c host.Command) (host.Result, error) {
	return h.run(ctx, c, (*exec.Cmd).Start)
}

// run runs a command that start starts.
func (h *Host) run(ctx context.Context, c host.Command, start func(*exec.Cmd) error) (host.Result, error) {
	if len(c.Argv) == 0 {
		return host.Result{}, errors.New("a command without a program")
	}
	if _, ok := ctx.Deadline(); !ok {
		return host.Result{}, fmt.Errorf("%s: %w", c.Argv[0], host.ErrNoDeadline)
	}
	ctx, number, done, err := h.begin(ctx)
	if err != nil {
		return host.Result{}, fmt.Errorf("%s: %w", c.Argv[0], err)
	}
	defer done()
	mark := fmt.Sprintf("%s%s#%d", markName, h.dir, number)
	cmd, err := h.command(ctx, c, mark)
	if err != nil {
		return host.Result{}, err
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if c.Stdout != nil {
		cmd.Stdout = io.MultiWriter(&stdout, c.Stdout)
	}
	if err = start(cmd); err == nil {
		err = cmd.Wait()
	}
	result := host.Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return result, nil
	}
	if ctx.Err() != nil {
		return result, fmt.Errorf("%s: %w (%w)", c.Argv[0], context.Cause(ctx), err)
	}
	return result, failure(c, result, err)
}

// kill ends a command's group, and then what has left it.
func kill(group int, mark string) error {
	err := syscall.Kill(-group, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		err = os.ErrProcessDone
	}
	if err2 := endAll(context.Background(), marked(mark)); err2 != nil { // bounded by itself
		return fmt.Errorf("its children: %w", err2)
	}
	return err
}

// failure is the error of a command that did not end with status 0.
func failure(c host.Command, r host.Result, err error) error {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return fmt.Errorf("%s: %w", c.Argv[0], err)
	}
	code := exit.ExitCode()
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		code = 128 + int(status.Signal())
	}
	return &host.ExitError{Argv: c.Argv, Code: code, Result: r}
}

// command prepares a command; mark is the variable its descendants are known by.
func (h *Host) command(ctx context.Context, c host.Command, mark string) (*exec.Cmd, error) {
	user, err := h.account(c.User)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Argv[0], err)
	}
	if err = host.RefuseRoot(c.Argv[0], strconv.FormatUint(uint64(user.uid), 10)); err != nil {
		return nil, err
	}
	env := append(h.environment(user), c.Env...)
	dir := cmp.Or(c.Dir, h.dir)
	path, err := find(c.Argv[0], dir, env)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, c.Argv[1:]...)
	cmd.Args[0] = c.Argv[0]
	cmd.Env = append(env, mark)
	cmd.Dir = dir
	cmd.Stdin = c.Stdin
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: user.credential()}
	cmd.Cancel = func() error { return kill(cmd.Process.Pid, mark) }
	cmd.WaitDelay = drainTime
	return cmd, nil
}

// environment is all a command inherits: nothing of PG*, PGBACKREST_* or
// DRILL_*, which would change what pgbackrest reads (facts A2: the environment
// goes before the file). HOME is the scratch directory, so that no ~/.pgpass counts.
func (h *Host) environment(user account) []string {
	return []string{
		"PATH=" + cmp.Or(os.Getenv("PATH"), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
		"HOME=" + h.dir, "USER=" + user.name, "LOGNAME=" + user.name,
		"LANG=C", "LC_ALL=C", "TZ=UTC",
	}
}

// find is the path of a program: looked up in the PATH the command will have,
// or, with a slash in it, seen from the directory it will run in.
func find(program, from string, env []string) (string, error) {
	dirs := []string{from}
	if filepath.IsAbs(program) {
		dirs = []string{"/"}
	} else if !strings.Contains(program, "/") {
		for _, e := range env {
			if path, ok := strings.CutPrefix(e, "PATH="); ok {
				dirs = filepath.SplitList(path)
			}
		}
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, program)
		info, err := os.Stat(path)
		if err == nil && filepath.IsAbs(path) && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", program, host.ErrNotFound)
}
