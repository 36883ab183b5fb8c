// Package alarm tries the way of an alarm: it writes a red drill of a stanza of its own where node_exporter looks,
// and waits until it is an alert that is on its way to somebody, and, once the file is gone, until it is over.
package alarm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"veza.fr/recovery/internal/wait"
)

// What is written, and what must come of it.
const (
	Stanza = "alarm-test"                  // no stanza that is drilled has this name
	File   = "veza_backup_alarm_test.prom" // beside the file of the results
	Alert  = "BackupRestoreDrillRed"       // of fixtures/prometheus, the one that goes to the pager
)

// Files writes what node_exporter reads: package textfile.
type Files interface {
	// WriteRed writes a red verdict on a stanza, and nothing else of it.
	WriteRed(path, stanza string) error
	// WriteAlarmPath writes what a test found.
	WriteAlarmPath(path string, success bool, at time.Time) error
	// Sum adds up the series of one metric in a server's own metrics; false when it has none.
	Sum(metrics []byte, name string) (float64, bool)
}

// Request is what a test needs.
type Request struct {
	Alertmanager Server
	Prometheus   Server // may be none
	NodeExporter Server // may be none
	Directory    string // of the textfiles
	Limit        time.Duration
	Files        Files
	Say          func(format string, args ...any)
}

// Broken is a link of the chain that did not answer within its bound.
type Broken struct {
	Link string
	Err  error
}

func (b *Broken) Error() string { return b.Link + ": " + b.Err.Error() }

func (b *Broken) Unwrap() error { return b.Err }

// lookEvery is the time between two questions to a server.
const lookEvery = time.Second

// Test tries the alarm. A *Broken says which link did not answer: the alarm does not arrive, or does not end. Any
// other error says that nobody could be asked. The red drill is gone in every case, also when ctx ends.
func Test(ctx context.Context, r Request) (err error) {
	red := filepath.Join(r.Directory, File)
	begin := time.Now()
	t := test{r, func(format string, args ...any) {
		r.Say("%7.1f s  %s", time.Since(begin).Seconds(), fmt.Sprintf(format, args...))
	}}
	if err = t.answers(ctx); err != nil {
		return err
	}
	if err = remove(red); err != nil { // of a test that was killed
		return err
	}
	if err = t.ends(ctx, "an earlier test to be over"); err != nil {
		return err
	}
	before, counted := t.delivered(ctx)
	defer func() { err = errors.Join(err, remove(red)) }()
	if err = r.Files.WriteRed(red, Stanza); err != nil {
		return err
	}
	t.say("a red drill of stanza %s is in %s", Stanza, red)
	if err = t.arrives(ctx); err != nil {
		return err
	}
	if err = t.goesOut(ctx, before, counted); err != nil {
		return err
	}
	if err = remove(red); err != nil {
		return err
	}
	t.say("the red drill is removed")
	return t.ends(ctx, "the alert to be over")
}

// test is one run.
type test struct {
	Request
	say func(format string, args ...any)
}

// waits waits for one link, which is named when it does not answer within its bound; advice is what to look at.
func (t test) waits(ctx context.Context, link, what string, bound time.Duration, advice string,
	condition func(context.Context) error,
) error {
	if t.Limit > 0 {
		bound = t.Limit
	}
	bounded, cancel := context.WithTimeoutCause(ctx, bound, fmt.Errorf("not within %s", bound))
	defer cancel()
	var last error // answer, of a question that was not cut short by the bound
	err := wait.For(bounded, what, lookEvery, func(ctx context.Context) error {
		answer := condition(ctx)
		if last == nil || ctx.Err() == nil {
			last = answer
		}
		return answer
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case bounded.Err() != nil:
		err = fmt.Errorf("waiting for %s: %w (last answer: %w)", what, context.Cause(bounded), last)
	}
	return &Broken{link, fmt.Errorf("%w. %s", err, advice)}
}

// leftAfter is how old a red drill is that no test is at any more: longer than all its waits.
const leftAfter = 2 * time.Hour

// Tidy removes the red drill of a test that was killed, or ended by a power cut, from the directory of the textfiles:
// it would be one until the next test, weeks later. removed says that there was one.
func Tidy(directory string, now time.Time) (removed bool, err error) {
	red := filepath.Join(directory, File)
	info, err := os.Lstat(red)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case now.Sub(info.ModTime()) < leftAfter:
		return false, nil
	}
	err = remove(red)
	return err == nil, err
}

// remove removes a file that may be gone.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
