package incus

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// killTime bounds the end of a command that was told to end, its descendants included.
const killTime = 15 * time.Second

// markName is the environment variable that every command carries, and with it all its
// descendants: wherever they go they are found by it.
const markName = "VEZA_SCRATCH"

// standardPath is where programs are looked for.
const standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// neverRoot are the programs that root does not run, whatever a caller asks for.
var neverRoot = []string{"pgbackrest", "postgres", "initdb", "pg_ctl"}

// Run runs a command in the container, as user postgres unless another is named, in that
// user's home, with an environment of its own. When ctx ends, it and every process that
// descends from it are killed. A command of which nobody knows how it ended (the
// daemon was restarted, the container was stopped) is sandbox_failed, never a *host.ExitError.
func (h *Host) Run(ctx context.Context, c host.Command) (host.Result, error) {
	if len(c.Argv) == 0 {
		return host.Result{}, errors.New("a command without a program")
	}
	if _, ok := ctx.Deadline(); !ok {
		return host.Result{}, fmt.Errorf("%s: %w", c.Argv[0], host.ErrNoDeadline)
	}
	if c.User == rootUser && slices.Contains(neverRoot, path.Base(c.Argv[0])) {
		return host.Result{}, fmt.Errorf("%s: root never runs it", c.Argv[0])
	}
	ctx, done, err := h.begin(ctx)
	if err != nil {
		return host.Result{}, fmt.Errorf("%s: %w", c.Argv[0], err)
	}
	defer done()
	if ctx.Err() != nil {
		return host.Result{}, fmt.Errorf("%s: %w", c.Argv[0], context.Cause(ctx))
	}
	before, err := h.inLife(ctx)
	if err != nil {
		return host.Result{}, h.ended(ctx, c, err)
	}
	user, err := h.account(ctx, c.User)
	if err != nil {
		return host.Result{}, h.ended(ctx, c, err)
	}
	return h.run(ctx, c, user, before)
}

// run runs a command that can be run.
func (h *Host) run(ctx context.Context, c host.Command, user account, before life) (host.Result, error) {
	mark := rand.Text()
	argv := perl(runScript, append([]string{user.uid, user.gid, user.groups, cmp.Or(c.Dir, user.home)}, c.Argv...)...)
	var stdout, stderr bytes.Buffer
	out := &tee{to: c.Stdout, kept: &stdout}
	code, err := h.exec(ctx, argv, environment(user, c.Env, mark), mark, streams{c.Stdin, out, &stderr})
	result := host.Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	if err != nil {
		return result, h.ended(ctx, c, err)
	}
	if code == 0 {
		return result, out.failure
	}
	if err = notStarted(c.Argv[0], mark, result.Stderr); err != nil {
		return result, err
	}
	// A stopped container takes its commands along, and that looks like a status of theirs.
	after, err := h.inLife(ctx)
	if err != nil {
		return result, h.ended(ctx, c, err)
	}
	if after != before {
		return result, reason.Errorf(reason.SandboxFailed, "%s: instance %s was started anew while it ran", c.Argv[0], h.name)
	}
	if code > 128 { // killed: perhaps together with the container, which the daemon has not noticed yet
		if err := h.pulse(ctx); err != nil {
			return result, h.ended(ctx, c, err)
		}
	}
	return result, &host.ExitError{Argv: c.Argv, Code: code, Result: result}
}

// exec runs argv as root to its end. When ctx ends first, every process that carries the mark is killed.
func (h *Host) exec(ctx context.Context, argv []string, env map[string]string, mark string, s streams) (int, error) {
	a, err := h.attach(ctx, argv, env, "/")
	if err != nil {
		return 0, err
	}
	code, err := a.finish(ctx, s)
	if err == nil {
		return code, nil
	}
	if errors.Is(context.Cause(ctx), host.ErrDestroyed) {
		return 0, err // Destroy takes everything along
	}
	if err2 := h.kill(ctx, mark); err2 != nil {
		return 0, fmt.Errorf("%w (its processes may still run: %v)", err, err2) //nolint:errorlint // only what came first may speak
	}
	return 0, err
}

// kill ends every process that carries a mark; ctx may be over.
func (h *Host) kill(ctx context.Context, mark string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTime)
	defer cancel()
	var stderr bytes.Buffer
	code, err := h.asRoot(ctx, perl(killScript, markName+"="+mark), streams{stderr: &stderr})
	if err == nil && code != 0 {
		err = fmt.Errorf("exit status %d: %s", code, strings.TrimSpace(stderr.String()))
	}
	return err
}

// asRoot runs one of the host's own short commands as root.
func (h *Host) asRoot(ctx context.Context, argv []string, s streams) (int, error) {
	if s.stdout == nil {
		s.stdout = io.Discard
	}
	if s.stderr == nil {
		s.stderr = io.Discard
	}
	a, err := h.attach(ctx, argv, environment(root, nil, ""), "/")
	if err != nil {
		return 0, err
	}
	return a.finish(ctx, s)
}

// pulse is nil when a command can still be run in the container.
func (h *Host) pulse(ctx context.Context) error {
	code, err := h.asRoot(ctx, []string{"true"}, streams{})
	if err == nil && code != 0 {
		err = fmt.Errorf("exit status %d", code)
	}
	if err != nil {
		return reason.Errorf(reason.SandboxFailed, "instance %s was stopped or killed: %w", h.name, err)
	}
	return nil
}

// ended is the error of a command that has no exit status.
func (h *Host) ended(ctx context.Context, c host.Command, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w (%v)", c.Argv[0], context.Cause(ctx), err) //nolint:errorlint // only the cause may speak
	}
	return lost(h, c.Argv[0], err)
}

// environment is all a command inherits: nothing of PG* or PGBACKREST_*, which would change
// what pgbackrest reads (facts A2: the environment goes before the file).
func environment(user account, added []string, mark string) map[string]string {
	env := map[string]string{
		"PATH": standardPath, "HOME": user.home, "USER": user.name, "LOGNAME": user.name,
		"LANG": "C", "LC_ALL": "C", "TZ": "UTC",
	}
	for _, entry := range added {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = value
		}
	}
	if mark != "" {
		env[markName] = mark
	}
	return env
}

// notStarted is why a program was not started, nil when it was: run.pl says it with the mark.
func notStarted(program, mark string, stderr []byte) error {
	said, ok := strings.CutPrefix(string(stderr), mark+" ")
	if !ok {
		return nil
	}
	number, text, _ := strings.Cut(strings.TrimSpace(said), " ")
	errno, err := strconv.Atoi(number)
	if err != nil {
		return nil //nolint:nilerr // not what run.pl says
	}
	if syscall.Errno(errno) == syscall.ENOENT && strings.HasPrefix(text, "program ") {
		return fmt.Errorf("%s: %w", program, host.ErrNotFound)
	}
	return fmt.Errorf("%s: %s: %w", program, text, syscall.Errno(errno))
}

// tee keeps what is written and hands it on; when the other side fails it still keeps.
type tee struct {
	to      io.Writer
	kept    *bytes.Buffer
	failure error
}

func (t *tee) Write(b []byte) (int, error) {
	if t.to != nil && t.failure == nil {
		_, t.failure = t.to.Write(b)
	}
	return t.kept.Write(b)
}
