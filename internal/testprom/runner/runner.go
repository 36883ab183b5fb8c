package runner

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/alarm"
	"veza.fr/recovery/internal/testprom/testreport"
	"veza.fr/recovery/internal/version"
)

// Reaper removes what killed drills left behind in a place and says what it removed.
type Reaper func(ctx context.Context, out io.Writer, in Place) error

// Keeper lists the sandboxes that -keep left in a place, or removes them: those that are named, else all.
type Keeper func(ctx context.Context, out io.Writer, in Place, remove bool, names []string) error

// Textfile is package textfile, which alone knows Prometheus: see textfile.Files.
type Textfile interface {
	CheckOld(path string) error
	CheckAlarmPath(path string) error
	Holds(path, namespace string) bool
	Stanza(path, namespace string) string
	Write(path string, run suite.Measured) (knownRed, warnings []string, err error)
	Forget(path string, s suite.Suite, stanza string, before, now time.Time) error
	ForgetAllBut(path string, s suite.Suite, stanzas []string) (gone []string, err error)
	alarm.Files
}

// World is everything a run touches apart from files: streams, environment, signals, clock.
type World struct {
	Program        string // as it calls itself; "" is testprom
	Call           string // what to type to call it again; "" is its name
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Env            []string
	Terminal       bool // Stdin is a terminal, and nobody types a stream
	// Colours: Stdout is a terminal that wants them, and a last line that moves.
	Colours bool
	Columns func() int // of that terminal; nil is 80
	Signals <-chan os.Signal
	Now     func() time.Time
	// Textfile is where metrics go; nil where no flag asks for it.
	Textfile Textfile
	Reap     Reaper // nil: nothing to reap with
	Kept     Keeper // nil: nothing is ever kept
	// Party is this host among those of a place; nil, or returning nil: there are none.
	Party func(Place) Party
	Tag   string // the build tag that says what else Reap asks: "", ci or drill
}

// Main is testprom: it returns the exit status.
func Main(args []string, w World) int {
	o, err := parse(args, w.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return reason.ExitPass
	case err != nil:
		return w.fail(err)
	case o.version:
		version.Print(w.Stdout, "testprom")
		return reason.ExitPass
	case o.reap:
		return w.reap(o)
	case o.fleet != "":
		return w.fleet(o)
	case o.alarm.test:
		return w.alarm(o)
	case o.forget != "":
		return w.forgetAllBut(o)
	case o.due > 0:
		return w.due(o)
	case len(o.command) == 0 && w.Terminal:
		_, _ = fmt.Fprint(w.Stderr, "testprom: nothing to judge; -h explains\n"+synopsis)
		return reason.ExitEnvironment
	}
	r := newRun(o, w)
	defer r.opens()()
	return r.main()
}

func newRun(o options, w World) *run {
	r := &run{World: w, options: o, collector: testreport.New(o.suite), signals: w.Signals}
	r.live = live{style: style{w.Colours}, suite: o.suite, call: w.Call}
	return r
}

// opens puts the display before all that is printed; what it returns ends it.
func (r *run) opens() func() {
	screen := newDisplay(r.Stdout, r.status())
	r.Stdout, r.Stderr = screen.writer(r.Stdout), screen.writer(r.Stderr)
	r.live.out = r.Stdout
	return screen.end
}

// status makes the last line of a terminal; nil where there is none.
func (r *run) status() func() string {
	if !r.Colours {
		return nil
	}
	r.live.status = &status{style: r.live.style, now: r.Now}
	r.live.brief = !r.verbose
	return func() string { return r.live.status.line(r.columns()) }
}

// Signals are the signals that a run passes on. SIGPIPE is caught and dropped:
// a closed terminal must not keep the textfile from being written. (Ignored, it
// would be ignored by the command as well.)
func Signals() <-chan os.Signal {
	c := make(chan os.Signal, 4)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup leaves it, so that a run outlives its terminal
		signal.Notify(c, syscall.SIGHUP)
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return c
}

// run is one call of testprom that judges something.
type run struct {
	World
	options
	collector *testreport.Collector
	live      live
	signals   <-chan os.Signal
	tee       *tee
	log       *logFile      // nil where none is kept
	stanza    string        // as the command or its environment name it
	past      string        // the moment of the repository that they ask for; "" is now
	begun     chan struct{} // closed at the first event of the test
	testBegan atomic.Pointer[time.Time]
	compiles  bool                           // the test begins some time after the command
	notes     []string                       // of the run itself, before those of the test
	early     []string                       // warnings from before the run
	key       ed25519.PrivateKey             // signs the evidence; nil where none was given
	tell      func(exit int, went, red bool) // the other hosts; nil where none are told
	elsewhere suite.EndElsewhere             // as they say it; unheard is that nobody could be asked
	unheard   bool
}

func (r *run) main() int {
	if err := r.check(); err != nil {
		return r.refuse(err)
	}
	tee, err := newTee(r.options.stream)
	if err != nil {
		return r.refuse(err)
	}
	r.tee = tee
	r.begun = make(chan struct{})
	r.collector.OnEvent = func(e *testreport.Event) {
		r.begins(e)
		r.live.event(e)
	}
	r.collector.OnStray = r.live.line
	return r.publish(r.judge(), nil)
}

// judge runs the command, or reads standard input, and takes the verdict.
func (r *run) judge() *result {
	begin := r.Now()
	var status *int
	if len(r.command) > 0 {
		c, err := prepare(r.suite, r.command, r.Env, r.lasted)
		r.stanza, r.past = c.stanza, c.past // also when nothing can be run: the command asked for it
		if err != nil {
			r.collector.Stop(reason.ToolMissing, err.Error())
		} else if release, ok := r.takeSlot(); ok {
			defer release()
			if r.slot != "" {
				begin = r.Now() // who waits does not drill
			}
			status = r.carryOut(c)
		}
	} else {
		r.stanza = lookup(r.Env, "DRILL_STANZA")
		r.readStdin()
	}
	return r.result(begin, status)
}

// carryOut runs the command, compiled where it must be, unless another host drills the stanza; what it leaves behind
// when it is killed is reaped. The status is nil where nothing ran.
func (r *run) carryOut(c command) (status *int) {
	var ok bool
	if r.tell, ok = r.share(c); !ok {
		return nil
	}
	r.tellTimeout(c)
	if r.compiles = c.compiles; !r.compile(c) {
		return nil
	}
	status, killed := r.execute(c)
	if killed || r.collector.LeftOpen() {
		r.clean(c)
	}
	return status
}

// limit is when the command is killed.
func (r *run) limit(c command) time.Duration {
	if r.options.limit > 0 {
		return r.options.limit
	}
	return c.timeout + overTimeout
}

// read feeds the stream to the collector; a copy goes to -stream.
func (r *run) read(stream io.Reader) {
	if err := r.collector.Read(io.TeeReader(stream, r.tee)); err != nil {
		r.warn(err)
	}
}

// clean reaps after a command that had no chance to clean up: it was killed, by
// us or by others, or it panicked. A failure is told, and changes no verdict.
func (r *run) clean(c command) {
	if r.Reap == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), reapTime)
	defer cancel()
	if err := r.Reap(ctx, r.Stdout, c.place); err != nil {
		r.warn(fmt.Errorf("remove what the killed run left behind: %w", err))
	}
	if left := r.notCleaned(c.tags); left != "" {
		_, _ = fmt.Fprintln(r.Stderr, "testprom:", left)
	}
}

// reap is testprom -reap: it removes what killed runs left behind, and then lists what -keep left;
// with -kept it removes that alone.
func (w World) reap(o options) int {
	if w.Reap == nil {
		return w.fail(errors.New("-reap: this build knows no sandbox to reap"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), reapTime)
	defer cancel()
	var err error
	if !o.kept {
		err = w.Reap(ctx, w.Stdout, w.place())
	}
	if w.Kept != nil {
		err = errors.Join(err, w.Kept(ctx, w.Stdout, w.place(), o.kept, o.names))
	}
	if err != nil {
		return w.fail(fmt.Errorf("-reap: %w", err))
	}
	if how := w.notAsked(); how != "" {
		_, _ = fmt.Fprintln(w.Stdout, how)
	}
	return reason.ExitPass
}

// fail says in one sentence why nothing was judged.
func (w World) fail(err error) int {
	_, _ = fmt.Fprintln(w.Stderr, w.program()+":", printable(strings.ReplaceAll(err.Error(), "\n", " ")))
	return reason.ExitEnvironment
}

func (w World) program() string { return cmp.Or(w.Program, "testprom") }
