package runner

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/compile"
)

// goCommand is a go command made of scripts: of its part test, and of its part list.
func goCommand(t *testing.T, test, list string) string {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	path := filepath.Join(t.TempDir(), "go")
	script := "#!/bin/sh\ncase $1 in\ntest) " + test + ";;\nlist) " + list + ";;\nesac\n"
	require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
	return path
}

// What go test compiles before it tests counts neither for the limit nor for the duration.
func TestRun_LeavesTheCompilerOut(t *testing.T) {
	stream, err := filepath.Abs(filepath.Join(streamDir, "pass.jsonl"))
	require.NoError(t, err)
	dir := t.TempDir()
	tool := goCommand(t, "cat "+stream, "exit 1")
	w, out, _ := world(nil)
	clock := now
	w.Now = func() time.Time { clock = clock.Add(time.Minute); return clock } // called at begin, first event and end
	require.Equal(t, 0, Main([]string{"-history", dir + "/h", "--", tool, "test", "./drill"}, w), out)
	last := history(t, dir+"/h")
	assert.Equal(t, now.Add(2*time.Minute), last.Begin)
	require.NotNil(t, last.Duration)
	require.NotNil(t, last.Compiled)
	assert.InDelta(t, 60, *last.Duration, 0)
	assert.InDelta(t, 60, *last.Compiled, 0)
	assert.Contains(t, out.String(), "in 1 min 00 s")

	require.Equal(t, 0, Main([]string{"-history", dir + "/h", "--", "cat", stream}, w))
	last = history(t, dir+"/h")
	assert.Nil(t, last.Compiled, "nothing is compiled for another command")
}

func TestRun_TheLimitCountsFromTheTestsBegin(t *testing.T) {
	defer func(before time.Duration) { compileLimit = before }(compileLimit)
	dir := t.TempDir()
	for _, c := range []struct {
		test, says string
		compile    time.Duration
	}{
		{`echo '{"Action":"start","Package":"p"}'; sleep 60`, "its limit of 50ms", time.Hour},
		{`echo '{"Action":"build-output"}'; sleep 60`, "no test had begun after 60ms", 60 * time.Millisecond},
	} {
		compileLimit = c.compile
		tool := goCommand(t, c.test, "exit 1")
		_, _, exit := begin(t, "-limit", "50ms", "-history", dir+"/h", "--", tool, "test", "./drill")
		assert.Equal(t, 2, <-exit)
		last := history(t, dir+"/h")
		assert.Equal(t, "timeout", string(last.Reason))
		assert.Contains(t, last.Detail, c.says)
	}
}

// A signal while it compiles ends all of it: no test is begun.
func TestRun_ASignalWhileItCompiles(t *testing.T) {
	dir := t.TempDir()
	tool := goCommand(t, "echo >"+dir+"/tested", "echo go: downloading ready v1 >&2; sleep 600")
	out, signals, exit := begin(t, "-history", dir+"/h", "--", tool, "test", "./drill")
	out.wait(t, "downloading the modules of the drill")
	signals <- syscall.SIGTERM
	assert.Equal(t, 2, <-exit)
	assert.Equal(t, "interrupted", string(history(t, dir+"/h").Reason))
	assert.NoFileExists(t, dir+"/tested")
}

// On a terminal what it took last time stands above the line that moves, once.
func TestLive_Compiling(t *testing.T) {
	var out strings.Builder
	shown := compile.Shown{What: "the drill", Before: compile.Last{Packages: 290, Seconds: 41.2}}
	l := live{out: &out, status: &status{now: func() time.Time { return now }}}
	for done := range 3 {
		took := time.Duration(done) * time.Second
		p := compile.Progress{Phase: compile.Compiling, Done: done + 1, Total: 3, Took: took}
		l.compiling(p, shown.Head(p))
	}
	assert.Contains(t, l.status.line(80), "100% |███████████|  compiled 3 of 3 packages, 1.0/s")
	l.compiled(compile.Progress{Took: 3 * time.Second}, nil)
	assert.Equal(t, "    compiling the drill: 3 packages (last time 290 in 41 s)\n✓ compile       3.0 s\n",
		out.String())
}

func TestJobOf(t *testing.T) {
	for typed, want := range map[string]string{
		"go test ./drill": "||./drill",
		"go test -json -v=test2json -timeout=5m ./a ./b":    "||./a ./b",
		"go test -C sub -count 1 -race -tags x ./drill":     "sub|-race -tags x|./drill",
		"go test -json ./drill -tags drill -conf a -rto 1m": "|-tags=drill|./drill",
		"go test ./drill -args -tags drill":                 "||./drill",
		"go test -run ^T$ -v":                               "none",
		"go test -run":                                      "none",
		"go test":                                           "none",
	} {
		got := "none"
		if j := jobOf(strings.Fields(typed), nil); j != nil {
			got = j.Dir + "|" + strings.Join(j.Flags, " ") + "|" + strings.Join(j.Packages, " ")
		}
		assert.Equal(t, want, got, typed)
	}
}
