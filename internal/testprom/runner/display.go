package runner

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// displayQueue is how many pieces of text may wait to be shown.
const displayQueue = 1024

// displayWait bounds how long a run waits for a terminal that takes no text.
var displayWait = 10 * time.Second

// display shows text without ever holding up whoever writes it: a terminal that
// stopped (Ctrl-S, a pager nobody reads in) must neither make a restore look slow
// nor keep the limit, a signal or the textfile waiting. What it does not take in
// time is left out, and counted.
//
// On a terminal the last line may be a status, drawn anew from time to time below the text.
type display struct {
	status func() string // the line to draw now, "" for none; nil where there is no terminal
	screen io.Writer     // where the status goes
	drawn  string        // the status that stands there
	open   bool          // the text so far ends in the middle of a line

	queue chan piece
	done  chan struct{} // closed when all is shown
	shown atomic.Int64  // pieces taken so far

	mu    sync.Mutex // held by one writer
	stuck int64      // what was shown when a wait was in vain, -1 before the first
	lost  int
	ended bool
}

// piece is some text and where it goes.
type piece struct {
	to   io.Writer
	text []byte
}

// newDisplay is a display whose last line is the status; nil where there is none.
func newDisplay(screen io.Writer, status func() string) *display {
	d := &display{
		status: status, screen: screen, queue: make(chan piece, displayQueue), done: make(chan struct{}), stuck: -1,
	}
	go d.show()
	return d
}

// drawEvery is the time between two looks at the status.
const drawEvery = 200 * time.Millisecond

// show writes what is queued, one piece after the other, and below it the status.
func (d *display) show() {
	defer close(d.done)
	var tick <-chan time.Time // none without a status
	if d.status != nil {
		ticker := time.NewTicker(drawEvery)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case p, ok := <-d.queue:
			d.draw("")
			if !ok {
				return
			}
			_, _ = p.to.Write(p.text)
			d.open = !bytes.HasSuffix(p.text, []byte("\n"))
			d.shown.Add(1)
		case <-tick:
			if !d.open {
				d.draw(d.status())
			}
		}
	}
}

// draw puts another status in the place of the one that stands there. It is drawn also when it is
// the same: what was typed meanwhile, as ^C, stands in it.
func (d *display) draw(line string) {
	if d.drawn == "" && line == "" {
		return
	}
	const wipe = "\r\x1b[K"
	_, _ = io.WriteString(d.screen, wipe+line)
	d.drawn = line
}

// writer is a Writer to the same place that goes through the display; it never fails.
func (d *display) writer(to io.Writer) io.Writer { return displayWriter{d, to} }

type displayWriter struct {
	display *display
	to      io.Writer
}

func (w displayWriter) Write(text []byte) (int, error) {
	w.display.add(piece{w.to, bytes.Clone(text)})
	return len(text), nil
}

func (d *display) add(p piece) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return
	}
	if d.lost > 0 {
		p.text = append(fmt.Appendf(nil, "    (%d pieces of output were not taken in time and are left out)\n", d.lost),
			p.text...)
	}
	if !d.enqueue(p) {
		d.lost++
		return
	}
	d.lost = 0
}

// enqueue queues p. A full queue is waited for, but only once until it moves again.
func (d *display) enqueue(p piece) bool {
	select {
	case d.queue <- p:
		return true
	default:
	}
	if d.stuck == d.shown.Load() {
		return false
	}
	late := time.NewTimer(displayWait)
	defer late.Stop()
	select {
	case d.queue <- p:
		return true
	case <-late.C:
		d.stuck = d.shown.Load()
		return false
	}
}

// end waits until all is shown, as long as anything moves.
func (d *display) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	close(d.queue)
	for before := int64(-1); before != d.shown.Load(); {
		before = d.shown.Load()
		select {
		case <-d.done:
			return
		case <-time.After(displayWait):
		}
	}
}
