// Package player runs a suite in this process, without the testing package: it writes the events that
// a test binary under test2json would write of the same steps, so that one reader judges both.
package player

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"veza.fr/recovery/internal/suite"
)

// Exit statuses of a test binary.
const (
	passed = iota
	failed
	panicked // Go's own for a process that panics
)

// player is one run.
type player struct {
	Test
	now func() time.Time

	mu    sync.Mutex // held for one event
	out   *json.Encoder
	crash *crash
}

// Test is what is played.
type Test struct {
	Package, Name string    // words of the stream
	Until         time.Time // when the run must be over; zero is never
}

// crash is a panic that a test did not survive.
type crash struct {
	what  string
	stack []byte
}

// event is one line of the stream, with the fields of test2json (facts C1).
type event struct {
	Time    time.Time
	Action  string
	Package string
	Test    string   `json:",omitempty"`
	Elapsed *float64 `json:",omitempty"`
	Output  string   `json:",omitempty"`
	Key     string   `json:",omitempty"`
	Value   string   `json:",omitempty"`
}

// Play runs do as a test, and writes its events to out. It returns what the test binary would exit
// with: 0 when it passed or was skipped, 1 when it failed, 2 when it panicked, after everything that
// was registered with Cleanup. A panic of another goroutine than a test's own ends the process, as it
// does everywhere.
func Play(out io.Writer, what Test, do func(suite.T)) int {
	p := &player{Test: what, now: time.Now, out: json.NewEncoder(out)}
	began := p.now()
	p.write(event{Action: "start"})
	root := &test{player: p, name: p.Name}
	root.play(do)
	if p.crash != nil {
		root.writeCrash(p.crash)
		return panicked // and neither test nor package has an end: nothing proves that they came to one
	}
	root.end()
	action, word, exit := "pass", "PASS\n", passed
	if root.failed() {
		action, word, exit = "fail", "FAIL\n", failed
	}
	p.write(event{Action: "output", Output: word})
	p.write(event{Action: action, Elapsed: p.since(began)})
	return exit
}

// write writes one event. A reader that is gone is not the test's affair.
func (p *player) write(e event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.Time, e.Package = p.now(), p.Package
	_ = p.out.Encode(e)
}

// since is a time in seconds, to the hundredth that the testing package prints.
func (p *player) since(began time.Time) *float64 {
	seconds := math.Round(p.now().Sub(began).Seconds()*100) / 100
	return &seconds
}

// longest is the most of a line that one event holds, in bytes.
const longest = 1024

// say writes one line of a test, indented as the testing package does, in as many events as it takes.
func (t *test) say(line string) {
	rest := "    " + line + "\n"
	for len(rest) > longest {
		cut := longest
		for cut > longest-utf8.UTFMax && !utf8.RuneStart(rest[cut]) {
			cut--
		}
		t.player.write(event{Action: "output", Test: t.name, Output: rest[:cut]})
		rest = rest[cut:]
	}
	t.player.write(event{Action: "output", Test: t.name, Output: rest})
}

// writeCrash writes what Go prints of a panic that nobody recovers. Its value may come out of the data.
func (t *test) writeCrash(c *crash) {
	text := "panic: " + suite.Printable(c.what) + "\n\n" + suite.Printable(string(c.stack))
	for line := range strings.Lines(text) {
		t.player.write(event{Action: "output", Test: t.name, Output: line})
	}
}

// caught keeps the first panic.
func (p *player) caught(value any) {
	stack := debug.Stack()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.crash == nil {
		p.crash = &crash{fmt.Sprint(value), stack}
	}
}

func (p *player) crashed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.crash != nil
}
