package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/report"
	"veza.fr/recovery/internal/testprom/textfile"
	"veza.fr/recovery/internal/wait"
)

// screen is a writer that may be read meanwhile.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) waitReady(t *testing.T) {
	t.Helper()
	s.wait(t, "ready")
}

// wait waits until the screen shows a text.
func (s *screen) wait(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	require.NoError(t, wait.For(ctx, "the screen to show "+text, 5*time.Millisecond, func(context.Context) error {
		if !strings.Contains(s.String(), text) {
			return fmt.Errorf("the screen shows %q", s.String())
		}
		return nil
	}))
}

// begin runs testprom in the background.
func begin(t *testing.T, args ...string) (out *screen, signals chan<- os.Signal, exit <-chan int) {
	t.Helper()
	out = &screen{}
	s, e := make(chan os.Signal, 2), make(chan int, 1)
	w := World{
		Stdin: strings.NewReader(""), Stdout: out, Stderr: out, Env: os.Environ(), Now: time.Now,
		Textfile: textfile.Files{}, Signals: s,
	}
	go func() { e <- Main(args, w) }()
	return out, s, e
}

type document = report.Report

func history(t *testing.T, path string) (last document) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
	return last
}

func TestRun_JudgesATestBinary(t *testing.T) {
	dir := recording(t)
	report, stream := filepath.Join(dir, "report.json"), filepath.Join(dir, "drill.jsonl")
	for probe, want := range map[string]string{
		"": "0 pass none", "verify-reason": "1 fail wal_missing", "teardown-exits0": "2 environment panic",
		"main-exit0": "2 environment no_tests",
	} {
		t.Setenv("PROBE", probe)
		out, _, exit := begin(t, "-report", report, "-stream", stream, "--", dir+"/drill.test")
		code := <-exit
		text, err := os.ReadFile(report)
		require.NoError(t, err, out)
		var d document
		require.NoError(t, json.Unmarshal(text, &d))
		assert.Equal(t, want, fmt.Sprintf("%d %s %s", code, d.Verdict, d.Reason), "%s", out)
		assert.Equal(t, code, d.Exit)
		raw, err := os.ReadFile(stream)
		require.NoError(t, err)
		assert.Contains(t, string(raw), `"Action":"start"`)
	}
}

func TestRun_PassesASignalOnAndWaitsForTheCleanUp(t *testing.T) {
	dir := t.TempDir()
	script := `trap 'sleep 0.2; echo cleaned >` + dir + `/mark; exit 0' INT; echo ready; while :; do sleep 0.05; done`
	out, signals, exit := begin(t, "-history", dir+"/h", "--", "sh", "-c", script)
	out.waitReady(t)
	signals <- syscall.SIGTERM
	assert.Equal(t, 2, <-exit)
	assert.FileExists(t, dir+"/mark")
	assert.Equal(t, "interrupted", string(history(t, dir+"/h").Reason))
}

func TestRun_KillsAtTheSecondSignal(t *testing.T) {
	out, signals, exit := begin(t, "--", "sh", "-c", `trap "" INT; echo ready; sleep 60`)
	out.waitReady(t)
	signals <- syscall.SIGINT
	signals <- syscall.SIGINT
	assert.Equal(t, 2, <-exit)
	assert.Contains(t, out.String(), "interrupted")
}

func TestRun_KillsWhatOutlivesTheGracePeriod(t *testing.T) {
	defer func(before time.Duration) { grace = before }(grace)
	grace = 100 * time.Millisecond
	out, signals, exit := begin(t, "--", "sh", "-c", `trap "" INT; echo ready; sleep 60`)
	out.waitReady(t)
	signals <- syscall.SIGINT
	assert.Equal(t, 2, <-exit)
}

func TestRun_AReasonPublishedBeforeTheSignalCounts_OneBehindItDoesNot(t *testing.T) {
	pass := strings.Split(string(passing(t)), "\n")
	run, attr := pass[:2], `{"Action":"attr","Package":"example.org/recording/drill","Test":"TestDrill/restore",`+
		`"Key":"reason","Value":"wal_missing"}`
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/run", []byte(strings.Join(run, "\n")+"\n"), 0o600))
	require.NoError(t, os.WriteFile(dir+"/attr", []byte(attr+"\n"), 0o600))
	for script, want := range map[string]string{
		`cat run attr; echo ready; trap "exit 1" INT; while :; do sleep 0.05; done`:      "wal_missing",
		`cat run; echo ready; trap "cat attr; exit 1" INT; while :; do sleep 0.05; done`: "interrupted",
	} {
		out, signals, exit := begin(t, "-history", dir+"/h", "--", "sh", "-c", "cd "+dir+"; "+script)
		out.waitReady(t)
		signals <- syscall.SIGINT
		<-exit
		assert.Equal(t, want, string(history(t, dir+"/h").Reason))
	}
}

// What a killed run left is looked for where its sandboxes are made.
func TestRun_KillsAtTheLimitAndReaps(t *testing.T) {
	flag := []string{"sh", "-c", "sleep 60", "sh", "-incus-remote=far", "-incus-project", "drills"}
	for want, command := range map[Place][]string{
		{"", "env"}:       {"sleep", "60"},
		{"far", "drills"}: flag,
	} {
		var reaped []Place
		var out bytes.Buffer
		w := World{
			Stdout: &out, Stderr: io.Discard, Now: time.Now, Textfile: textfile.Files{},
			Env: append(os.Environ(), "DRILL_INCUS_PROJECT=env"),
			Reap: func(_ context.Context, _ io.Writer, in Place) error {
				reaped = append(reaped, in)
				return errors.New("in vain")
			},
		}
		dir := t.TempDir()
		args := append([]string{"-limit", "50ms", "-history", dir + "/h", "--"}, command...)
		assert.Equal(t, 2, Main(args, w))
		assert.Equal(t, "timeout", string(history(t, dir+"/h").Reason))
		assert.Equal(t, []Place{want}, reaped)
	}
}

// testprom -reap has no command: it goes by the environment.
func TestReap_WhereTheEnvironmentSays(t *testing.T) {
	for want, env := range map[Place][]string{
		{}: nil, {"far", "drills"}: {"DRILL_INCUS_PROJECT=drills", "DRILL_INCUS_REMOTE=far"},
	} {
		var asked []Place
		w, _, _ := world(nil)
		w.Env = env
		w.Reap = func(_ context.Context, _ io.Writer, in Place) error { asked = append(asked, in); return nil }
		w.Kept = func(_ context.Context, _ io.Writer, in Place, _ bool, _ []string) error {
			asked = append(asked, in)
			return nil
		}
		assert.Zero(t, Main([]string{"-reap"}, w))
		assert.Equal(t, []Place{want, want}, asked)
	}
}

// TestRun_WhenTheCommandIsKilledEndsWhatItLeaves: a test whose cmd/go is killed
// would go on alone, unseen, with its sandbox.
func TestRun_WhenTheCommandIsKilledEndsWhatItLeaves(t *testing.T) {
	dir := t.TempDir()
	run := strings.Join(strings.Split(string(passing(t)), "\n")[:2], "\n") + "\n"
	require.NoError(t, os.WriteFile(dir+"/run", []byte(run), 0o600))
	child := `trap "echo cleaned >` + dir + `/mark; exit" INT; exec >&- 2>&-; echo >` + dir +
		`/up; while :; do sleep 0.05; done`
	for status, want := range map[string]string{"kill -9 $$": "interrupted", "exit 0": "report_unreadable"} {
		_ = os.Remove(dir + "/mark")
		_ = os.Remove(dir + "/up")
		_, _, exit := begin(t, "-history", dir+"/h", "--", "sh", "-c", `cat `+dir+`/run
			env --default-signal=INT sh -c '`+child+`' & while ! test -e `+dir+`/up; do sleep 0.05; done; `+status)
		assert.Equal(t, 2, <-exit)
		assert.FileExists(t, dir+"/mark")
		assert.Equal(t, want, string(history(t, dir+"/h").Reason), status)
	}
}

// TestRun_ReapsAfterADrillThatDidNotCleanUp, and after no other.
func TestRun_ReapsAfterADrillThatDidNotCleanUp(t *testing.T) {
	for name, want := range map[string]bool{
		"panic": true, "killed": true, "timeout": true, "pass": false, "restore-fails": false, "root-reason": false,
	} {
		reaped := false
		w, _, _ := world(nil)
		w.Reap = func(context.Context, io.Writer, Place) error { reaped = true; return nil }
		Main([]string{"--", "cat", filepath.Join(streamDir, name+".jsonl")}, w)
		assert.Equal(t, want, reaped, name)
	}
}

func TestRun_IsNotHeldByAProcessThatKeepsThePipe(t *testing.T) {
	defer func(before time.Duration) { drain = before }(drain)
	drain = 50 * time.Millisecond
	begun := time.Now()
	_, _, exit := begin(t, "--", "sh", "-c", `sleep 300 & echo started`)
	assert.Equal(t, 2, <-exit)
	assert.Less(t, time.Since(begun), 4*time.Minute)
}

func TestRun_OfACommandThatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	for _, command := range []string{"nosuchprogram", "/nowhere/drill.test", dir} {
		_, _, exit := begin(t, "-history", dir+"/h", "--", command)
		assert.Equal(t, 2, <-exit)
		assert.Equal(t, "tool_missing", string(history(t, dir+"/h").Reason))
	}
}

func TestStdin_EndsAtTheSecondSignal(t *testing.T) {
	stdin, writer := io.Pipe()
	defer func() { _ = writer.Close() }()
	signals := make(chan os.Signal, 2)
	signals <- syscall.SIGINT
	signals <- syscall.SIGINT
	var out bytes.Buffer
	assert.Equal(t, 2,
		Main(nil, World{Stdin: stdin, Stdout: &out, Stderr: io.Discard, Now: time.Now, Signals: signals}))
	assert.Contains(t, out.String(), "interrupted")
}

func TestHistory_ClosesALastLineThatWasCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	require.NoError(t, os.WriteFile(path, []byte("{\"schema\":1}\n{\"sche"), 0o600))
	for range 2 {
		w, _, _ := world(bytes.NewReader(passing(t)))
		require.Equal(t, 0, Main([]string{"-history", path}, w))
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	require.Len(t, lines, 5)
	assert.Equal(t, "{\"sche", lines[1])
	assert.True(t, json.Valid([]byte(lines[2])) && json.Valid([]byte(lines[3])))
	assert.Empty(t, lines[4])
}

// TestHistory_IsNotHeldByAForeignLock: whoever holds the file may never let go.
func TestHistory_IsNotHeldByAForeignLock(t *testing.T) {
	defer func(before time.Duration) { historyWait = before }(historyWait)
	historyWait = 50 * time.Millisecond
	path := filepath.Join(t.TempDir(), "history")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	w, _, _ := world(bytes.NewReader(passing(t)))
	require.Equal(t, 0, Main([]string{"-history", path}, w))
	assert.Equal(t, "demo", history(t, path).Stanza)
}

// TestOutput_ThatCannotBeWrittenAtTheEnd: what was writable before the run may
// not be after it.
func TestOutput_ThatCannotBeWrittenAtTheEnd(t *testing.T) {
	for _, flag := range []string{"-textfile", "-report", "-history"} {
		dir := filepath.Join(t.TempDir(), "gone")
		require.NoError(t, os.Mkdir(dir, 0o700))
		stream := io.MultiReader(bytes.NewReader(passing(t)), readerFunc(func() { _ = os.RemoveAll(dir) }))
		w, out, errs := world(stream)
		assert.Equal(t, 2, Main([]string{flag, dir + "/file.prom"}, w))
		assert.Contains(t, errs.String(), dir+"/file.prom")
		assert.Contains(t, out.String(), "PASSED, BUT NOT WRITTEN DOWN")
	}
}

// readerFunc does something once all before it was read.
type readerFunc func()

func (f readerFunc) Read([]byte) (int, error) { f(); return 0, io.EOF }
