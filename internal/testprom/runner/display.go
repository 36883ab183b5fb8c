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
type display struct {
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

func newDisplay() *display {
	d := &display{queue: make(chan piece, displayQueue), done: make(chan struct{}), stuck: -1}
	go func() {
		for p := range d.queue {
			_, _ = p.to.Write(p.text)
			d.shown.Add(1)
		}
		close(d.done)
	}()
	return d
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
