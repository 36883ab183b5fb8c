package hosttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
)

func streamsAreApart(t *testing.T, h host.Host) {
	result, err := h.Run(soon(t), shell("echo out; echo err >&2"))
	require.NoError(t, err)
	assert.Equal(t, "out\n", string(result.Stdout))
	assert.Equal(t, "err\n", string(result.Stderr))
}

func exitStatusIsTyped(t *testing.T, h host.Host) {
	command := shell("echo out; echo no such stanza >&2; exit 39")
	result, err := h.Run(soon(t), command)
	exit, ok := errors.AsType[*host.ExitError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, 39, exit.Code)
	assert.Equal(t, command.Argv, exit.Argv)
	assert.Equal(t, "out\n", string(exit.Result.Stdout))
	assert.Equal(t, "no such stanza\n", string(exit.Result.Stderr))
	assert.Equal(t, "out\n", string(result.Stdout), "the result is there beside the error")
	assert.ErrorContains(t, err, "no such stanza")
}

func signalIs128AndMore(t *testing.T, h host.Host) {
	_, err := h.Run(soon(t), shell("kill -TERM $$"))
	exit, ok := errors.AsType[*host.ExitError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, 128+15, exit.Code)
}

func missingProgramIsNamed(t *testing.T, h host.Host) {
	for _, program := range []string{"no-such-program", "/no/such/program"} {
		_, err := h.Run(soon(t), host.Command{Argv: []string{program, "argument"}})
		require.ErrorIs(t, err, host.ErrNotFound)
		require.ErrorContains(t, err, program)
	}
}

func noDeadlineIsRefused(t *testing.T, h host.Host) {
	_, err := h.Run(context.WithoutCancel(t.Context()), shell("true"))
	require.ErrorIs(t, err, host.ErrNoDeadline)
}

func stdinArrives(t *testing.T, h host.Host) {
	command := shell("cat")
	result, err := h.Run(soon(t), command)
	require.NoError(t, err)
	assert.Empty(t, result.Stdout, "without one, standard input is empty")
	text := strings.Repeat("a line of standard input\n", 10_000)
	command.Stdin = strings.NewReader(text)
	result, err = h.Run(soon(t), command)
	require.NoError(t, err)
	assert.Equal(t, len(text), len(result.Stdout))
}

// Whatever the drill's own environment says, pgbackrest must not read it: it
// would go before the configuration file (facts A2).
func environmentIsItsOwn(t *testing.T, h host.Host) {
	result, err := h.Run(soon(t), host.Command{Argv: []string{"env"}, Env: []string{"ADDED=by the command"}})
	require.NoError(t, err)
	for line := range strings.Lines(string(result.Stdout)) {
		for _, prefix := range []string{"PG", "DRILL_"} {
			assert.False(t, strings.HasPrefix(line, prefix), line)
		}
	}
	assert.Contains(t, string(result.Stdout), "ADDED=by the command\n")
	assert.Contains(t, string(result.Stdout), "PATH=")
}

func defaultUserIsNotRoot(t *testing.T, h host.Host) {
	assert.NotEqual(t, "0", sh(t, h, "id -u"))
}

// rootIsRefused holds a host to the one list of what root never runs, by whatever path and under
// whatever name. A host that cannot become root at all refuses every program alike.
func rootIsRefused(t *testing.T, h host.Host) {
	result, err := h.Run(soon(t), host.Command{Argv: []string{"id", "-u"}, User: "root"})
	refused := host.ErrRoot.Error()
	if err != nil {
		refused = "only root can act for another user"
		require.ErrorContains(t, err, refused)
	} else {
		assert.Equal(t, "0\n", string(result.Stdout), "root runs everything else")
	}
	for _, program := range host.NeverRoot {
		for _, path := range []string{program, "/usr/bin/" + program} {
			_, err = h.Run(soon(t), host.Command{Argv: []string{path, "--version"}, User: "root"})
			assert.ErrorContains(t, err, refused, path)
			_, err = h.Run(soon(t), host.Command{Argv: []string{path, "--version"}, User: "0"})
			assert.Error(t, err, "%s: nor under root's number", path)
		}
	}
}

func dirIsWhereItRuns(t *testing.T, h host.Host) {
	result, err := h.Run(soon(t), host.Command{Argv: []string{"pwd"}, Dir: "/usr"})
	require.NoError(t, err)
	assert.Equal(t, "/usr\n", string(result.Stdout))
}

func outputStreams(t *testing.T, h host.Host) {
	reader, writer := io.Pipe()
	command := shell("echo first; read answer; echo $answer")
	command.Stdout = writer
	answer, send := io.Pipe()
	command.Stdin = answer
	go func() { // answers only once the first line has come: it cannot have waited for the end
		line := make([]byte, len("first\n"))
		if _, err := io.ReadFull(reader, line); err == nil {
			fmt.Fprintf(send, "after %s", line)
		}
		send.Close()                //nolint:errcheck // a pipe in memory
		io.Copy(io.Discard, reader) //nolint:errcheck // a pipe in memory
	}()
	result, err := h.Run(soon(t), command)
	require.NoError(t, err)
	assert.Equal(t, "first\nafter first\n", string(result.Stdout), "the result holds what was streamed as well")
}

func tenMegabytesOnBothStreams(t *testing.T, h host.Host) {
	const size = 10 << 20
	result, err := h.Run(soon(t),
		shell(fmt.Sprintf("head -c %d /dev/zero & head -c %d /dev/zero >&2; wait", size, size)))
	require.NoError(t, err)
	assert.Len(t, result.Stdout, size)
	assert.Len(t, result.Stderr, size)
}

func twoAtOnce(t *testing.T, h host.Host) {
	a, b := scratch(t, h, "a"), scratch(t, h, "b")
	meet := func(mine, other string) error {
		_, err := h.Run(soon(t), shell(fmt.Sprintf("touch %s; until [ -e %s ]; do sleep 0.05; done", mine, other)))
		return err
	}
	first := make(chan error, 1)
	go func() { first <- meet(a, b) }()
	require.NoError(t, meet(b, a))
	require.NoError(t, <-first)
}

// The children of a command go with it: one in its group, one in a session of
// its own that went elsewhere, as a daemon does.
func deadlineKillsChildren(t *testing.T, h host.Host) {
	word := fmt.Sprintf("31%09d", time.Now().UnixNano()%1e9) // seconds to sleep, and to find it by
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	begin := time.Now()
	_, err := h.Run(ctx, shell(fmt.Sprintf("sleep %[1]s & (cd /; setsid sleep %[1]s) & sleep %[1]s", word)))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(begin), patience)
	requireNoProcess(t, h, word)
}

func causeIsInTheError(t *testing.T, h host.Host) {
	why := errors.New("somebody pulled the plug")
	ctx, cancel := context.WithCancelCause(soon(t))
	command := shell("echo started; sleep 300")
	command.Stdout = writerFunc(func(b []byte) {
		if bytes.Contains(b, []byte("started")) {
			cancel(why)
		}
	})
	_, err := h.Run(ctx, command)
	require.ErrorIs(t, err, why)
	_, err = h.Run(ctx, shell("true"))
	require.ErrorIs(t, err, why, "a context that has ended starts nothing")
}

// writerFunc calls a function for whatever is written.
type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) {
	f(b)
	return len(b), nil
}

// A postmaster that was started without a log file holds the stream of pg_ctl open for ever.
func heldStreamDoesNotHang(t *testing.T, h host.Host) {
	begin := time.Now()
	result, err := h.Run(soon(t), shell("setsid sleep 300 & echo done"))
	require.NoError(t, err)
	assert.Equal(t, "done\n", string(result.Stdout))
	assert.Less(t, time.Since(begin), patience/2)
}
