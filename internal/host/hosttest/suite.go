// Package hosttest is the conformance suite of package host: whatever calls
// itself a Host passes it. It needs a POSIX shell and Debian's perl-base inside the machine.
package hosttest

import (
	"bytes"
	"context"
	"crypto/rand"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/wait"
)

// patience bounds what must end soon; machines are loaded while tests run.
const patience = 30 * time.Second

// claims are what every host does; a machine that passed some of them serves the next.
var claims = []struct {
	name string
	test func(t *testing.T, h host.Host)
}{
	{"StreamsAreApart", streamsAreApart},
	{"ExitStatusIsTyped", exitStatusIsTyped},
	{"SignalIs128AndMore", signalIs128AndMore},
	{"MissingProgramIsNamed", missingProgramIsNamed},
	{"NoDeadlineIsRefused", noDeadlineIsRefused},
	{"StdinArrives", stdinArrives},
	{"EnvironmentIsItsOwn", environmentIsItsOwn},
	{"DefaultUserIsNotRoot", defaultUserIsNotRoot},
	{"RootIsRefused", rootIsRefused},
	{"DirIsWhereItRuns", dirIsWhereItRuns},
	{"OutputStreams", outputStreams},
	{"TenMegabytesOnBothStreams", tenMegabytesOnBothStreams},
	{"TwoAtOnce", twoAtOnce},
	{"DeadlineKillsChildren", deadlineKillsChildren},
	{"CauseIsInTheError", causeIsInTheError},
	{"HeldStreamDoesNotHang", heldStreamDoesNotHang},
	{"FileModeAndOwner", fileModeAndOwner},
	{"FileIsReplacedWhole", fileIsReplacedWhole},
	{"MissingFileIsNotExist", missingFileIsNotExist},
	{"DialUnix", dialUnix},
	{"DialTCP", dialTCP},
	{"DialNobody", dialNobody},
}

// endings are what only a machine of its own can show.
var endings = []struct {
	name string
	test func(t *testing.T, h host.Host)
}{
	{"DestroyTwice", destroyTwice},
	{"DestroyEndsWhatRuns", destroyEndsWhatRuns},
	{"UseAfterDestroy", useAfterDestroy},
}

// Run checks every claim. launch makes a machine and sees to it that it is
// destroyed when its test ends.
func Run(t *testing.T, launch func(t *testing.T) host.Host) {
	t.Helper()
	t.Setenv("PGHOST", "production")
	t.Setenv("PGBACKREST_REPO1_PATH", "/production")
	t.Setenv("DRILL_CONF", "/production.conf")
	t.Run("shared", func(t *testing.T) {
		h := launch(t)
		for _, c := range claims {
			t.Run(c.name, func(t *testing.T) { c.test(t, h) })
		}
	})
	for _, c := range endings {
		t.Run(c.name, func(t *testing.T) { c.test(t, launch(t)) })
	}
}

// soon is a context with the deadline every command needs.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// sh runs a script that must succeed and returns what it printed.
func sh(t *testing.T, h host.Host, script string) string {
	t.Helper()
	result, err := h.Run(soon(t), shell(script))
	require.NoError(t, err)
	return strings.TrimSpace(string(result.Stdout))
}

func shell(script string) host.Command { return host.Command{Argv: []string{"sh", "-c", script}} }

// dir is a directory of the machine that its default user may write to.
func dir(t *testing.T, h host.Host) string {
	t.Helper()
	if s, ok := h.(sandbox.Sandbox); ok {
		return s.Dir("data")
	}
	return sh(t, h, "pwd")
}

// scratch is a name in dir that nobody has used.
func scratch(t *testing.T, h host.Host, name string) string {
	t.Helper()
	return path.Join(dir(t, h), name+"-"+rand.Text()[:8])
}

// requireNoProcess waits until nothing on the machine has word in its command line.
func requireNoProcess(t *testing.T, h host.Host, word string) {
	t.Helper()
	script := `for p in /proc/[0-9]*; do [ "$p" = /proc/$$ ] || tr '\0' ' ' <"$p/cmdline" 2>/dev/null && echo; done`
	ctx := soon(t)
	err := wait.For(ctx, "processes with "+word+" to end", 50*time.Millisecond, func(ctx context.Context) error {
		found, err := h.Run(ctx, shell(script))
		if err == nil && bytes.Contains(found.Stdout, []byte(word)) {
			return &stillThere{string(found.Stdout)}
		}
		return err
	})
	require.NoError(t, err)
}

type stillThere struct{ processes string }

func (e *stillThere) Error() string { return "still there: " + e.processes }
