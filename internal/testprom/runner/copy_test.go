package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stands puts a program evidence into PATH that ends as the script does.
func stands(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "evidence"), []byte("#!/bin/sh\n"+script), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func copying(t *testing.T, signals chan os.Signal, stream []byte) (exit int, said, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "e")
	w, out, errs := world(bytes.NewReader(stream))
	w.Signals = signals
	exit = Main([]string{
		"-evidence", dir, "-evidence-s3", "https://store:9000/bucket/drills", "-evidence-s3-credentials", "key file",
	}, w)
	assert.Empty(t, errs.String())
	return exit, out.String(), dir
}

// The run's own entry is there when the copy is made, and the summary says where the copy is.
func TestCopy_IsMadeOfTheNewEntryToo(t *testing.T) {
	args := filepath.Join(t.TempDir(), "args")
	stands(t, `printf '%s|' "$@" > `+args+`; test -s "$7/000001.dsse.json"`)
	exit, said, dir := copying(t, nil, passing(t))
	assert.Equal(t, 0, exit)
	assert.Contains(t, said, "copied to https://store:9000/bucket/drills")
	assert.NotContains(t, said, "warning")
	text, err := os.ReadFile(args)
	require.NoError(t, err)
	assert.Equal(t, "push|-to|https://store:9000/bucket/drills|-credentials|key file|--|"+dir+"|", string(text))
}

// A copy that fails is a warning, and the verdict's exit status stays what it is.
func TestCopy_ThatFailsChangesNoVerdict(t *testing.T) {
	defer func(before time.Duration) { copyTime = before }(copyTime)
	for script, want := range map[string]string{
		"echo 'the copy goes on to the line'; echo 'BROKEN  e' >&2; exit 1": "the copy goes on to the line; BROKEN  e",
		"exit 2":                   "exit status 2",
		"kill -9 $$":               "signal: killed",
		"exec sleep 60":            "it took longer than 50ms",
		"printf '\\033[2J';exit 2": `·[2J`,
	} {
		copyTime = time.Minute
		if script == "exec sleep 60" {
			copyTime = 50 * time.Millisecond
		}
		for name, exit := range map[string]int{"pass": 0, "restore-fails": 1, "killed": 2} {
			stands(t, script)
			got, said, dir := copying(t, nil, stream(t, name))
			assert.Equal(t, exit, got, script)
			assert.Contains(t, said, "the evidence was not copied to https://store:9000/bucket/drills: "+want)
			assert.NotContains(t, said, "copied to https://store:9000/bucket/drills,")
			assert.FileExists(t, filepath.Join(dir, "000001.dsse.json"))
		}
	}
}

func TestCopy_EndsWithASignal(t *testing.T) {
	begun := filepath.Join(t.TempDir(), "begun")
	stands(t, "touch "+begun+"; exec sleep 60")
	signals := make(chan os.Signal, 1)
	go func() { // before, a signal would be the run's own
		for t.Context().Err() == nil {
			if _, err := os.Stat(begun); err == nil {
				signals <- syscall.SIGTERM
				return
			}
			<-time.After(5 * time.Millisecond)
		}
	}()
	exit, said, _ := copying(t, signals, passing(t))
	assert.Equal(t, 0, exit)
	assert.Contains(t, said, `testprom received the signal "terminated"`)
}

func TestCopy_WithoutTheProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	exit, said, _ := copying(t, nil, passing(t))
	assert.Equal(t, 0, exit)
	assert.Contains(t, said, "the program evidence lies neither beside testprom nor in PATH")
}

func TestCopy_IsAskedForWhole(t *testing.T) {
	const to, key = "-evidence-s3", "-evidence-s3-credentials"
	for want, args := range map[string][]string{
		"give both":                {to, "https://s/b", key, "f"},
		"FILE is missing":          {to, "https://s/b", "-evidence", "e"},
		"give -evidence-s3 URL":    {key, "f", "-evidence", "e"},
		"write it as https://HOST": {to, "https://key:secret@s/b", key, "f", "-evidence", "e"},
		"-evidence-s3: write it":   {to, "http://s/b", key, "f", "-evidence", "e"},
	} {
		w, _, errs := world(bytes.NewReader(passing(t)))
		assert.Equal(t, 2, Main(args, w), want)
		assert.Contains(t, errs.String(), want)
		assert.NotContains(t, errs.String(), "secret@")
	}
}
