package runner

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/textfile"
)

// TestRun_EndsAtItsLimitAlthoughTheTerminalStopped: nobody reads what is printed,
// and the textfile is written all the same.
func TestRun_EndsAtItsLimitAlthoughTheTerminalStopped(t *testing.T) {
	defer func(before time.Duration) { displayWait = before }(displayWait)
	displayWait = 50 * time.Millisecond
	_, stopped := io.Pipe()
	dir := t.TempDir()
	w := World{Stdout: stopped, Stderr: stopped, Env: os.Environ(), Now: time.Now, Textfile: textfile.Files{}}
	assert.Equal(t, 2,
		Main([]string{"-limit", "200ms", "-history", dir + "/h", "-textfile", dir + "/d.prom", "--", "yes"}, w))
	assert.Equal(t, "timeout", string(history(t, dir+"/h").Reason))
	assert.FileExists(t, filepath.Join(dir, "d.prom"))
}

func TestDisplay_ShowsAllInOrder(t *testing.T) {
	var out bytes.Buffer
	d := newDisplay(nil, nil)
	a, b := d.writer(&out), d.writer(&out)
	var want strings.Builder
	for i := range 5 * displayQueue {
		_, err := fmt.Fprintf([]io.Writer{a, b}[i%2], "%d\n", i)
		require.NoError(t, err)
		fmt.Fprintf(&want, "%d\n", i)
	}
	d.end()
	assert.Equal(t, want.String(), out.String())
	_, err := io.WriteString(a, "too late")
	require.NoError(t, err)
}

func TestDisplay_CountsWhatATerminalDidNotTake(t *testing.T) {
	defer func(before time.Duration) { displayWait = before }(displayWait)
	displayWait = 20 * time.Millisecond
	reader, terminal := io.Pipe()
	d := newDisplay(nil, nil)
	w := d.writer(terminal)
	_, _ = io.WriteString(w, "x\n")
	taken := func() bool { return len(d.queue) == 0 }
	require.Eventually(t, taken, time.Minute, time.Millisecond, "it is being written")
	for range displayQueue + 49 { // the queue is full, the rest is lost
		_, _ = io.WriteString(w, "x\n")
	}
	var out bytes.Buffer
	read := make(chan struct{})
	go func() { _, _ = io.Copy(&out, reader); close(read) }()
	require.Eventually(t, func() bool { return d.shown.Load() > 0 }, time.Minute, time.Millisecond)
	displayWait = time.Minute
	_, _ = io.WriteString(w, "the end\n")
	d.end()
	_ = terminal.Close()
	<-read
	text := out.String()[max(0, out.Len()-200):]
	assert.Contains(t, text, "(49 pieces of output were not taken in time and are left out)\nthe end\n")
}
