package runner

import (
	"fmt"
	"io"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/testreport"
)

// stopTime is how long a run in this process may take to come to its end after a signal, besides the
// time of its final step.
var stopTime = 10 * time.Minute

// Played is a suite that runs in this process.
type Played struct {
	Suite        suite.Suite
	Report       string // file of the verdict as JSON; "" is none
	Log          *Log   // nil where none is kept
	Stanza, Past string // as they were asked for
	Verbose      bool
	Do           func(Stage)
}

// Stage is what a suite in this process plays on.
type Stage struct {
	Events io.Writer // the event stream
	Screen io.Writer // text for whoever watches, whole lines but for a question
	Log    io.Writer // whole lines for the log alone
}

// Play runs a suite in this process, and shows and judges it as testprom does a command's. It returns
// the exit status. A signal is the suite's to hear (suite.Listen): it comes to its end, and says why.
func Play(p Played, w World) int {
	r := newRun(options{suite: p.Suite, report: p.Report, verbose: p.Verbose}, w)
	r.stanza, r.past, r.log, r.tee = p.Stanza, p.Past, newLogFile(p.Log, w.Now, p.Suite), &tee{}
	defer r.opens()()
	if err := r.check(); err != nil {
		return r.fail(err)
	}
	r.collector.OnEvent = func(e *testreport.Event) {
		r.live.event(e)
		r.log.event(e)
	}
	r.collector.OnStray = r.live.line
	begin := r.Now()
	r.play(p.Do)
	return r.publish(r.result(begin, nil), nil)
}

// play plays the suite to its end. Signals change nothing of that: what it does is cleaned up.
func (r *run) play(do func(Stage)) {
	inner, outer := io.Pipe()
	go func() {
		do(Stage{Events: outer, Screen: r.Stdout, Log: r.log})
		_ = outer.Close()
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.read(inner)
	}()
	var late <-chan time.Time
	patience := stopTime + r.suite.FinalTime
	for {
		select {
		case <-done:
			return
		case sig := <-r.signals:
			if late == nil {
				late = time.After(patience)
				continue
			}
			_, _ = fmt.Fprintf(r.Stderr, "%s: %s: it is stopping already, and leaves what is there in order\n",
				r.program(), sig)
		case <-late:
			r.collector.Stop(reason.Interrupted,
				fmt.Sprintf("the run did not come to its end within %s of a signal", patience))
			_ = outer.CloseWithError(errGivenUp)
		}
	}
}
