package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"veza.fr/recovery/internal/reason"
)

// readStdin reads a stream that somebody else writes. A signal leaves the writer
// the grace period to end the stream, as both usually get it; a second one, or
// -limit, ends the reading.
func (r *run) readStdin() {
	inner, outer := io.Pipe()
	go func() {
		_, err := io.Copy(outer, r.Stdin)
		_ = outer.CloseWithError(err)
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.read(inner)
	}()
	var limit, patience <-chan time.Time
	if r.options.limit > 0 {
		limit = time.After(r.options.limit)
	}
	giveUp := func() { _ = outer.CloseWithError(errGivenUp) }
	for {
		select {
		case <-done:
			return
		case sig := <-r.signals:
			if patience != nil {
				giveUp()
			}
			r.collector.Stop(reason.Interrupted, fmt.Sprintf("testprom received the signal %q", sig))
			patience = time.After(grace)
		case <-limit:
			r.collector.Stop(reason.Timeout,
				fmt.Sprintf("the stream did not end within the limit of %s", r.options.limit))
			giveUp()
		case <-patience:
			giveUp()
		}
	}
}

var errGivenUp = errors.New("the stream did not end")

// tee keeps a copy of the stream. It never stops the reading: what went wrong is
// told at the end.
type tee struct {
	file *os.File
	err  error
}

func newTee(path string) (*tee, error) {
	if path == "" {
		return &tee{}, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("cannot write the stream: %w", err)
	}
	return &tee{file: f}, nil
}

func (t *tee) Write(b []byte) (int, error) {
	if t.file != nil && t.err == nil {
		_, t.err = t.file.Write(b)
	}
	return len(b), nil
}

func (t *tee) close() error {
	if t.file != nil {
		t.err = errors.Join(t.err, t.file.Close())
	}
	return t.err
}
