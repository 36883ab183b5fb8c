package runner

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/testreport"
)

// Log is a file that keeps all a run says, each line with its time.
type Log struct {
	Path string
	File io.WriteCloser
}

// logFile is the log of one run. It never stops the run: what went wrong is told at the end. All
// methods do nothing on nil.
type logFile struct {
	Log
	now  func() time.Time
	live live

	mu  sync.Mutex
	err error
}

func newLogFile(to *Log, now func() time.Time, s suite.Suite) *logFile {
	if to == nil {
		return nil
	}
	l := &logFile{Log: *to, now: now}
	l.live = live{out: l, suite: s}
	return l
}

// Write writes lines, each behind its time.
func (l *logFile) Write(text []byte) (int, error) {
	if l == nil {
		return len(text), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var stamped strings.Builder
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			line = " " + line
		}
		stamped.WriteString(l.now().UTC().Format(time.RFC3339) + line + "\n")
	}
	if l.err == nil {
		_, l.err = io.WriteString(l.File, stamped.String())
	}
	return len(text), nil
}

// event logs an event as somebody would see it who watches a run without a terminal.
func (l *logFile) event(e *testreport.Event) {
	if l != nil {
		l.live.event(e)
	}
}

// path is where the log is, "" where none is kept.
func (l *logFile) path() string {
	if l == nil {
		return ""
	}
	return l.Path
}

// failed is what went wrong so far.
func (l *logFile) failed() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return fmt.Errorf("the log is not whole: %w", l.err)
	}
	return nil
}

// end logs the summary of a run, with all there is to say, and closes the log.
func (l *logFile) end(r *run, res *result, unwritten error) {
	if l == nil {
		return
	}
	said := &run{World: r.World, options: r.options, log: l}
	said.live = live{out: l, suite: l.live.suite, unrun: l.live.unrun}
	said.Stdout, said.Stderr, said.Colours, said.verbose = l, l, false, true
	said.summary(res, unwritten)
	_ = l.File.Close() // each line was written at once, and failed then
}
