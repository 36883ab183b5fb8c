package restore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/drill"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wait"
)

// asRestore makes this binary a veza-restore whose steps only ask; its value is a file that preflight
// waits for.
const asRestore = "TEST_AS_RESTORE"

func TestMain(m *testing.M) {
	if gate := os.Getenv(asRestore); gate != "" {
		_ = os.Unsetenv(asRestore)
		streams := Streams{os.Stdin, os.Stdout, os.Stderr}
		os.Exit(streams.run(os.Args[1:], func(t suite.T, wanted drill.Real) { play(t, wanted, gate) }))
	}
	os.Exit(m.Run())
}

// play is a restore that touches nothing.
func play(t suite.T, wanted drill.Real, gate string) {
	restore := suite.Begin(t, wanted.Suite(), "")
	suite.Step(restore, "preflight", func(ctx context.Context, out suite.Out, _ int) (int, error) {
		out.Say("looking")
		err := wait.For(ctx, "the test", time.Millisecond, func(context.Context) error {
			_, err := os.Stat(gate)
			return err
		})
		if err != nil {
			return 0, err
		}
		switch said, _ := os.ReadFile(gate); string(said) {
		case "panic":
			panic("it broke")
		case "crash":
			go panic("nobody recovers this")
			<-ctx.Done()
		}
		return 0, wanted.Confirm(ctx, []string{"set      20260823-020003F", "hostile  \x1b[2J\x16\nnext"})
	}, 0)
	if wanted.Plan {
		return
	}
	for _, name := range suite.Restore.StepNames()[1:6] {
		suite.Step(restore, name, func(context.Context, suite.Out, int) (int, error) { return 0, nil }, 0)
	}
	suite.Always(restore, "handover", func(_ context.Context, out suite.Out) error {
		out.Say("handing over")
		return nil
	})
}

// command is veza-restore in a process of its own.
func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	args = append([]string{"-to", dir + "/pgdata", "-log", dir + "/log", "-report", dir + "/report.json"}, args...)
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asRestore+"="+dir+"/gate", "NO_COLOR=", "TERM=xterm")
	return cmd
}

// open lets preflight go on.
func open(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.WriteFile(dir+"/gate", nil, 0o600))
}

// session is veza-restore in a terminal.
type session struct {
	t      *testing.T
	dir    string
	cmd    *exec.Cmd
	screen *os.File
	done   chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
}

func begins(t *testing.T) *session {
	t.Helper()
	s := &session{t: t, dir: t.TempDir(), done: make(chan struct{})}
	s.cmd = command(t, s.dir)
	var err error
	s.screen, err = pty.StartWithSize(s.cmd, &pty.Winsize{Rows: 24, Cols: 100})
	require.NoError(t, err)
	go func() {
		defer close(s.done)
		buffer := make([]byte, 4096)
		for {
			n, err := s.screen.Read(buffer)
			s.mu.Lock()
			s.text.Write(buffer[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it has ended, unless the test failed
		_ = s.screen.Close()
	})
	return s
}

func (s *session) raw() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// shows waits until the terminal has shown a text.
func (s *session) shows(text string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	require.NoError(s.t, wait.For(ctx, "the terminal to show "+text, 5*time.Millisecond, func(context.Context) error {
		if shown := s.raw(); !strings.Contains(shown, text) {
			return fmt.Errorf("it shows %q", shown)
		}
		return nil
	}))
}

func (s *session) types(text string) {
	s.t.Helper()
	_, err := io.WriteString(s.screen, text)
	require.NoError(s.t, err)
}

// asks waits for the question.
func (s *session) asks() {
	s.t.Helper()
	open(s.t, s.dir)
	s.shows(question)
}

// end waits for the end, and gives back the exit status and all that was shown.
func (s *session) end() (int, string) {
	s.t.Helper()
	<-s.done
	var failed *exec.ExitError
	if err := s.cmd.Wait(); err != nil && !errors.As(err, &failed) {
		require.NoError(s.t, err)
	}
	return s.cmd.ProcessState.ExitCode(), s.raw()
}

// The facts stand above the question, whole and harmless, and nothing is drawn over it until it is answered.
func TestPrompt_Yes(t *testing.T) {
	s := begins(t)
	s.shows("preflight") // the line that moves
	s.asks()
	s.types(" yes \n")
	exit, text := s.end()
	assert.Zero(t, exit, text)
	assert.Contains(t, text,
		"    set      20260823-020003F\r\n    hostile  \\x1b[2J\\x16 next\r\n"+question+" yes \r\n")
	assert.Contains(t, text, "PASSED\x1b[0m\x1b[0m  restore of stanza unknown")
	log, err := os.ReadFile(s.dir + "/log")
	require.NoError(t, err)
	for _, want := range []string{"set      20260823-020003F", "    looking", "    handing over", "✓ handover"} {
		assert.Contains(t, string(log), want)
	}
	assert.FileExists(t, s.dir+"/report.json")
}

// Anything but a yes ends it with exit 2, before anything is written.
func TestPrompt_AnythingElse(t *testing.T) {
	for name, typed := range map[string]string{
		"no": "no\n", "nothing": "\n", "a longer word": "yes please\n", "the letter": "y\n", "end of file": "\x04",
	} {
		t.Run(name, func(t *testing.T) {
			s := begins(t)
			s.asks()
			s.types(typed)
			exit, text := s.end()
			assert.Equal(t, 2, exit)
			assert.Contains(t, text, "nothing was written")
			assert.Contains(t, text, "interrupted (step preflight)")
			assert.Contains(t, text, "not run: launch, provision, restore, recover, verify")
		})
	}
}

// Ctrl-C waits for no answer.
func TestPrompt_Interrupted(t *testing.T) {
	s := begins(t)
	s.asks()
	s.types("ye\x03")
	exit, text := s.end()
	assert.Equal(t, 2, exit)
	assert.Contains(t, text, "stopped by signal: interrupt: nothing was written")
	assert.Contains(t, text, "^C\r\n", "what follows begins a line of its own")
}

// What was typed, or pasted, before the question is no answer to it.
func TestPrompt_TypedBefore(t *testing.T) {
	s := begins(t)
	s.types("yes\n")
	s.shows("yes\r\n") // the terminal has it
	s.asks()
	s.types("no\n")
	exit, text := s.end()
	assert.Equal(t, 2, exit)
	assert.Contains(t, text, "the answer was not yes: nothing was written")
}

// -yes and -plan ask nobody, and show the facts all the same.
func TestPrompt_NobodyIsAsked(t *testing.T) {
	for flag, title := range map[string]string{"-yes": "restore", "-plan": "plan of a restore"} {
		dir := t.TempDir()
		open(t, dir)
		out, err := command(t, dir, flag).CombinedOutput()
		require.NoError(t, err, "%s", out)
		assert.Contains(t, string(out), "    set      20260823-020003F\n")
		assert.NotContains(t, string(out), question)
		assert.Contains(t, string(out), "PASSED  "+title+" of stanza unknown")
		assert.Equal(t, flag == "-yes", strings.Contains(string(out), "✓ handover"))
	}
}

// A step that panics is a verdict, with a report; what was made is undone.
func TestRun_APanicIsAVerdict(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/gate", []byte("panic"), 0o600))
	cmd := command(t, dir, "-yes")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	assert.Equal(t, 2, cmd.ProcessState.ExitCode())
	assert.Contains(t, string(out), "NO VERDICT  restore of stanza unknown")
	assert.Contains(t, string(out), "panic (step preflight): ")
	assert.Contains(t, string(out), "prompt_test.go:", "where it was")
	assert.Contains(t, string(out), "✓ handover", "a server may be at work")
	report, err := os.ReadFile(dir + "/report.json")
	require.NoError(t, err)
	assert.Contains(t, string(report), `"reason": "panic"`)
}

// What no step survives ends the process with exit 2, and stands in the log.
func TestLog_HoldsACrash(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/gate", []byte("crash"), 0o600))
	cmd := command(t, dir, "-yes")
	require.Error(t, cmd.Run())
	assert.Equal(t, 2, cmd.ProcessState.ExitCode())
	log, err := os.ReadFile(dir + "/log")
	require.NoError(t, err)
	assert.Contains(t, string(log), "panic: nobody recovers this\n\ngoroutine ")
}

// Without a terminal there is nobody to ask, and nothing is begun.
func TestPrompt_NoTerminal(t *testing.T) {
	dir := t.TempDir()
	cmd := command(t, dir)
	cmd.Stdin = strings.NewReader("yes\n")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	assert.Equal(t, 2, cmd.ProcessState.ExitCode())
	assert.Equal(t, "veza-restore: standard input is no terminal, and nobody can be asked: -yes restores without "+
		"asking, -plan says what would be restored\n", string(out))
	files, err := filepath.Glob(dir + "/*")
	require.NoError(t, err)
	assert.Empty(t, files)
}
