package player

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode"

	"veza.fr/recovery/internal/suite"
)

// test is a suite.T: a test or subtest that plays. Its methods do what those of testing.T do.
type test struct {
	player *player
	name   string
	began  time.Time

	mu       sync.Mutex
	isFailed bool
	skipped  bool
	cleanups []func()
	line     bytes.Buffer // of output, until its line break comes
}

var _ suite.T = (*test)(nil)

// play runs a test in a goroutine of its own, which FailNow may end, and undoes what it registered.
func (t *test) play(do func(suite.T)) {
	t.began = t.player.now()
	t.player.write(event{Action: "run", Test: t.name})
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer t.flush()
		defer t.cleanUp()
		defer t.recover()
		do(t)
	}()
	<-done
}

// recover makes a panic the failure of the test; the test around it comes to its end too.
func (t *test) recover() {
	if value := recover(); value != nil {
		t.fail()
		t.player.caught(value)
	}
}

// cleanUp calls what was registered, the last first. One that panics or ends its goroutine keeps none of
// the others from being called.
func (t *test) cleanUp() {
	for {
		t.mu.Lock()
		last := len(t.cleanups) - 1
		if last < 0 {
			t.mu.Unlock()
			return
		}
		do := t.cleanups[last]
		t.cleanups = t.cleanups[:last]
		t.mu.Unlock()
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer t.recover()
			do()
		}()
		<-done
	}
}

// end says how the test ended.
func (t *test) end() {
	action := "pass"
	switch {
	case t.failed():
		action = "fail"
	case t.skipped:
		action = "skip"
	}
	t.player.write(event{Action: action, Test: t.name, Elapsed: t.player.since(t.began)})
}

// Run plays a subtest. After one that panicked the test around it does not go on.
func (t *test) Run(name string, do func(suite.T)) bool {
	sub := &test{player: t.player, name: t.name + "/" + name}
	sub.play(do)
	sub.end()
	if sub.failed() {
		t.fail()
	}
	if t.player.crashed() {
		runtime.Goexit()
	}
	return !sub.failed()
}

func (t *test) Name() string { return t.name }

// Attr publishes an attribute, under the rules of testing.T: no white space in the key, one line.
func (t *test) Attr(key, value string) {
	switch {
	case strings.ContainsFunc(key, unicode.IsSpace):
		t.Error(fmt.Sprintf("disallowed whitespace in attribute key %q", key))
	case strings.ContainsAny(value, "\r\n"):
		t.Error(fmt.Sprintf("disallowed newline in attribute value %q", value))
	default:
		t.player.write(event{Action: "attr", Test: t.name, Key: key, Value: value})
	}
}

// Output is where the test's lines go; the last one needs no line break.
func (t *test) Output() io.Writer { return output{t} }

type output struct{ *test }

func (o output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.line.Write(text)
	for {
		end := bytes.IndexByte(o.line.Bytes(), '\n')
		if end < 0 {
			return len(text), nil
		}
		o.say(string(o.line.Next(end + 1)[:end]))
	}
}

// flush says the line that has no end yet.
func (t *test) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.line.Len() > 0 {
		t.say(t.line.String())
		t.line.Reset()
	}
}

func (t *test) Error(args ...any) {
	text := strings.TrimSuffix(fmt.Sprintln(args...), "\n")
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			line = "    " + line
		}
		t.say(line)
	}
	t.fail()
}

func (t *test) Fatal(args ...any) {
	t.Error(args...)
	runtime.Goexit()
}

func (t *test) FailNow() {
	t.fail()
	runtime.Goexit()
}

func (t *test) Skipf(format string, args ...any) {
	t.say(fmt.Sprintf(format, args...))
	t.skipped = true
	runtime.Goexit()
}

func (t *test) Cleanup(do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, do)
}

func (t *test) Deadline() (time.Time, bool) { return t.player.Until, !t.player.Until.IsZero() }

// Helper marks nothing: no line says where in the source it comes from.
func (t *test) Helper() {}

func (t *test) fail() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.isFailed = true
}

func (t *test) failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.isFailed
}
