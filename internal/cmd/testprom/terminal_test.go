package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/rivo/uniseg"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/wait"
)

// asTestprom makes this binary testprom.
const asTestprom = "TEST_AS_TESTPROM"

func TestMain(m *testing.M) {
	if os.Getenv(asTestprom) != "" {
		main()
	}
	os.Exit(m.Run())
}

// run is a drill that a script plays, step by step, to a testprom in a terminal.
type run struct {
	t      *testing.T
	cmd    *exec.Cmd
	screen *os.File // our end of the terminal
	next   *os.File // a line lets the script go on
	dir    string
	done   chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
}

// start starts testprom with these arguments in a terminal of so many columns. The drill it runs
// is the parts, each of which waits until next lets it go on.
func start(t *testing.T, columns uint16, env []string, args []string, parts ...string) *run {
	t.Helper()
	r := &run{t: t, dir: t.TempDir(), done: make(chan struct{})}
	var script strings.Builder
	script.WriteString("trap 'exit 1' INT\nexec 3<" + r.dir + "/next\n")
	for i, part := range parts {
		name := fmt.Sprintf("%s/%d", r.dir, i)
		require.NoError(t, os.WriteFile(name, []byte(part), 0o600))
		fmt.Fprintf(&script, "cat %s\nread go <&3 || exit 1\n", name)
	}
	require.NoError(t, os.WriteFile(r.dir+"/script", []byte(script.String()), 0o600))
	require.NoError(t, unix.Mkfifo(r.dir+"/next", 0o600))
	self, err := os.Executable()
	require.NoError(t, err)
	r.cmd = exec.CommandContext(t.Context(), self, append(args, "--", "sh", r.dir+"/script")...)
	r.cmd.Env = append(append(os.Environ(), asTestprom+"=1", "NO_COLOR=", "TERM=xterm", "DRILL_CONF=/nowhere"), env...)
	r.screen, err = pty.StartWithSize(r.cmd, &pty.Winsize{Rows: 24, Cols: columns})
	require.NoError(t, err)
	go r.read()
	r.next, err = os.OpenFile(r.dir+"/next", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill() // it has ended, unless the test failed
		_ = r.next.Close()
		_ = r.screen.Close()
	})
	return r
}

// read keeps what the terminal shows, until testprom has closed it.
func (r *run) read() {
	defer close(r.done)
	buffer := make([]byte, 4096)
	for {
		n, err := r.screen.Read(buffer)
		r.mu.Lock()
		r.text.Write(buffer[:n])
		r.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (r *run) raw() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// shows waits until the last line is as the expression says.
func (r *run) shows(expression string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	wanted := regexp.MustCompile(expression)
	require.NoError(r.t, wait.For(ctx, "the terminal to show "+expression, 10*time.Millisecond,
		func(context.Context) error {
			lines := shown(r.raw())
			if !wanted.MatchString(lines[len(lines)-1]) {
				return fmt.Errorf("it shows %q", lines)
			}
			return nil
		}))
}

func (r *run) goOn() {
	r.t.Helper()
	_, err := r.next.WriteString("\n")
	require.NoError(r.t, err)
}

// end waits for the end and gives back the exit status and the lines that stay.
func (r *run) end() (int, []string) {
	r.t.Helper()
	<-r.done
	var failed *exec.ExitError
	if err := r.cmd.Wait(); err != nil && !errors.As(err, &failed) {
		require.NoError(r.t, err)
	}
	return r.cmd.ProcessState.ExitCode(), shown(r.raw())
}

var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

// shown is what stands on a terminal after a text: \r goes to the begin of the line, and ESC [ K
// empties the line from there.
func shown(text string) []string {
	lines := []string{""}
	fresh := false // at the begin of a line that is to be written over
	for text != "" {
		last := &lines[len(lines)-1]
		switch {
		case strings.HasPrefix(text, "\r\n"):
			lines, text, fresh = append(lines, ""), text[2:], false
		case strings.HasPrefix(text, "\r"):
			text, fresh = text[1:], true
		case strings.HasPrefix(text, "\x1b[K"):
			*last, text, fresh = "", text[3:], false
		default:
			end := strings.IndexAny(text[1:], "\r\x1b")
			if strings.HasPrefix(text, "\x1b") {
				end = strings.IndexAny(text, "m")
			}
			if end < 0 {
				end = len(text) - 1
			}
			if fresh {
				*last, fresh = "?", false // written over without being emptied
			}
			*last, text = *last+text[:end+1], text[end+1:]
		}
	}
	for i := range lines {
		lines[i] = escape.ReplaceAllString(lines[i], "")
	}
	return lines
}

// Events of a drill.
func event(at int, rest string) string {
	return fmt.Sprintf(`{"Time":"2026-08-23T02:00:%02dZ","Package":"p","Action":%s}`+"\n", at, rest)
}

func step(name, action string, at int) string {
	return event(at, fmt.Sprintf(`%q,"Test":"TestDrill/%s"`, action, name))
}

func progress(name, text string, at int) string {
	return event(at, fmt.Sprintf(`"attr","Test":"TestDrill/%s","Key":"progress","Value":%q`, name, text))
}

func says(name, text string, at int) string {
	return event(at, fmt.Sprintf(`"output","Test":"TestDrill/%s","Output":%q`, name, text+"\n"))
}

var steps = []string{"preflight", "launch", "provision", "restore", "recover", "verify", "teardown"}

// played is a whole drill that passes, in four parts.
func played() []string {
	head := event(0, `"start"`) + event(0, `"run","Test":"TestDrill"`)
	for _, name := range steps[:3] {
		head += step(name, "run", 0) + says(name, "all is well", 0) + step(name, "pass", 1)
	}
	var tail string
	for _, name := range steps[5:] {
		tail += step(name, "run", 20) + says(name, "all is well", 20) + step(name, "pass", 21)
	}
	return []string{
		head + step("restore", "run", 2) + progress("restore", "restored: 0 of 54500000 bytes", 2) +
			progress("restore", "restored: 24800000 of 54500000 bytes", 4),
		progress("restore", "restored: 54500000 of 54500000 bytes", 6) + says("restore", "54.5 MB in 4.0 s", 6) +
			step("restore", "pass", 6) + step("recover", "run", 6) + progress("recover", "replayed: 3 segments", 8),
		step("recover", "pass", 12) + tail + event(30, `"pass","Test":"TestDrill"`) + event(30, `"pass"`),
	}
}

// On a terminal there is one line a step; the one that runs moves, and fits.
func TestTerminal_OneLineAStep(t *testing.T) {
	for columns, want := range map[uint16]string{
		40:  `^→ restore +\d+\.\d s  45%, 2 s left$`,
		80:  `^→ restore +\d+\.\d s  +45% \|███+ +\|  24\.8 of 54\.5 MB, 12\.4 MB/s, 2 s left$`,
		200: `^→ restore +\d+\.\d s  +45% \|█+ +\|  restored 24\.8 of 54\.5 MB, 12\.4 MB/s, 2 s left$`,
	} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			r := start(t, columns, nil, nil, played()...)
			r.shows(want)
			r.goOn()
			r.shows(`^→ recover +\d+\.\d s  repla`)
			r.goOn()
			r.goOn()
			exit, lines := r.end()
			assert.Zero(t, exit)
			require.GreaterOrEqual(t, len(lines), len(steps)+2)
			for i, name := range steps {
				assert.Regexp(t, `^✓ `+name+` +\d+\.\d s$`, lines[i])
			}
			assert.LessOrEqual(t, len(lines)-len(steps)-2, 10, "of the summary: %q", lines)
			for _, frame := range regexp.MustCompile(`\r\x1b\[K([^\r\n]*)`).FindAllStringSubmatch(r.raw(), -1) {
				if text := escape.ReplaceAllString(frame[1], ""); strings.HasPrefix(text, "→") {
					assert.Less(t, uniseg.StringWidth(text), int(columns), "%q", text)
				}
			}
			assert.NotContains(t, r.raw(), "all is well")
		})
	}
}

// -v says all: what the steps log, above the line that moves.
func TestTerminal_Verbose(t *testing.T) {
	r := start(t, 80, nil, []string{"-v"}, played()...)
	r.shows(`^→ restore .* 45%`)
	for range 3 {
		r.goOn()
	}
	exit, lines := r.end()
	assert.Zero(t, exit)
	assert.Contains(t, lines, "    54.5 MB in 4.0 s")
	assert.Contains(t, lines, "→ restore")
	assert.NotContains(t, strings.Join(lines, "\n"), "45%", "what moved is gone")
}

// Ctrl-C leaves nothing of the line that moved, nor of itself.
func TestTerminal_Interrupted(t *testing.T) {
	r := start(t, 80, nil, nil, played()...)
	r.shows(`^→ restore .* 45%`)
	_, err := r.screen.Write([]byte{3})
	require.NoError(t, err)
	exit, lines := r.end()
	assert.Equal(t, 2, exit)
	text := strings.Join(lines, "\n")
	assert.Contains(t, text, "\n\nNO VERDICT  drill of stanza unknown")
	for _, remains := range []string{"→", "^C", "45%", "?", "\x1b"} {
		assert.NotContains(t, text, remains)
	}
	assert.Empty(t, lines[len(lines)-1], "the shell's prompt begins a line of its own")
}

// Without colours nothing drives the terminal: it is a log.
func TestTerminal_Plain(t *testing.T) {
	for _, env := range []string{"NO_COLOR=1", "TERM=dumb"} {
		r := start(t, 80, []string{env}, nil, played()...)
		for range 3 {
			r.goOn()
		}
		exit, lines := r.end()
		assert.Zero(t, exit)
		assert.NotContains(t, r.raw(), "\x1b", env)
		assert.NotContains(t, r.raw(), "|", env)
		assert.Contains(t, lines, "    restored 54.5 of 54.5 MB (100 %), 13.6 MB/s", env)
	}
}

// A pipe is no terminal.
func TestTerminal_None(t *testing.T) {
	stream := filepath.Join(t.TempDir(), "stream")
	require.NoError(t, os.WriteFile(stream, []byte(strings.Join(played(), "")), 0o600))
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), asTestprom+"=1", "TERM=xterm", "NO_COLOR=")
	cmd.Stdin, err = os.Open(stream)
	require.NoError(t, err)
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", text)
	assert.NotContains(t, string(text), "\x1b")
	assert.Contains(t, string(text), "    restored 54.5 of 54.5 MB (100 %), 13.6 MB/s\n")
	assert.Contains(t, string(text), "all is well")
}
