package testreport

import (
	"regexp"
	"strings"
)

// outputScan keeps what only the text of a run tells: why a test binary ended without
// saying so in events (facts C2). They explain a run that did not pass; none of
// them makes a run pass, so text that a child process prints cannot turn a verdict green.
type outputScan struct {
	panicked   string // the line "panic: ..." or "fatal error: ..." that a goroutine trace followed
	timedOut   string
	killed     string // "signal: killed" as cmd/go prints it
	cached     bool
	badFlag    string
	buildError string // the first line a compiler, vet or the loader complained with

	pendingPanic string // a panic line, until the trace after it proves it
}

var badFlag = regexp.MustCompile(`^(flag provided but not defined: |invalid (boolean )?value .* for (flag )?-|` +
	`flag needs an argument: |bad flag syntax: )`)

// read looks at one line of output; own is true for what the suite's own package
// says of itself.
func (s *outputScan) read(line string, own bool) {
	switch {
	case strings.HasPrefix(line, "panic: test timed out after "), strings.HasPrefix(line, "*** Test killed"):
		keep(&s.timedOut, line)
	case strings.HasPrefix(line, "panic: "), strings.HasPrefix(line, "fatal error: "), strings.HasPrefix(line, "SIG"):
		keep(&s.pendingPanic, line)
	case strings.HasPrefix(line, "goroutine "), strings.HasPrefix(line, "[signal "):
		keep(&s.panicked, s.pendingPanic)
	case strings.HasPrefix(line, "signal: "):
		keep(&s.killed, line)
	case strings.HasPrefix(line, "ok  \t") && strings.Contains(line, "\t(cached)") && own:
		s.cached = true
	case badFlag.MatchString(line):
		keep(&s.badFlag, line)
	}
}

// BadFlag says whether a line is a test binary's on a command line that it refuses.
func BadFlag(line string) bool { return badFlag.MatchString(line) }

// build looks at one line of a failed build.
func (s *outputScan) build(line string) {
	if !strings.HasPrefix(line, "#") {
		keep(&s.buildError, line)
	}
}

// keep remembers the first line only.
func keep(target *string, line string) {
	if *target == "" {
		*target = strings.TrimSpace(line)
	}
}
