package testreport

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// Collector reads one stream and remembers what the verdict needs: a few words
// for each expected step, whatever the stream's length. Read, Stderr and Stop may
// be called at the same time.
type Collector struct {
	// OnEvent, when set, sees every event as it arrives; it is valid during the call.
	OnEvent func(*Event)
	// OnStray, when set, sees what stands between the events.
	OnStray func(line string)

	mu      sync.Mutex // held for one line
	suite   suite.Suite
	decoder decoder
	root    testState
	steps   []testState
	scan    outputScan
	tail    ring // of all that belongs to no step
	midLine bool // the output event before had no line break
	published
	packages
	stream
	stopped atomic.Pointer[stop]
}

// published is what the suite's tests said by attributes, reasons apart.
type published struct {
	values         values
	notes          []string
	asked          []string // the claims the run said it asks; nil before
	chosen         []string // those somebody chose; nil where nobody did
	reasonCameLast bool     // every expected step had begun when the suite's own test published its reason
}

// packages is what became of the packages of the run.
type packages struct {
	pkg            string // package that holds the suite's test: the first in which it ran
	otherPackage   string // another package that ran a test of that name
	packageResult  Action // its own terminal action: pass, fail, skip; "" before
	openPackages   int    // packages started and not ended
	otherFailed    string // the first test outside the suite, or package, that failed
	unbuiltPackage string // the first package that did not build
}

// stream is what the stream itself was like.
type stream struct {
	stray       int // lines that are no events
	events      int
	first, last string // times of the first and last event
	readErr     error
}

// stop is why a run was ended from outside.
type stop struct {
	reason reason.Reason
	detail string
}

// New is a Collector for one run of the suite s.
func New(s suite.Suite) *Collector {
	c := &Collector{suite: s, root: testState{name: s.Test}}
	for _, step := range s.Steps {
		c.steps = append(c.steps, testState{name: step.Name})
	}
	c.values = values{series: map[string]string{}, labels: map[string]string{}}
	return c
}

// Stop notes that the run is being ended from outside, and why. Reasons that
// tests publish from then on do not count: they tell what a killed child said.
// The first call counts.
func (c *Collector) Stop(r reason.Reason, detail string) {
	c.stopped.CompareAndSwap(nil, &stop{r, detail})
}

// Running says whether the suite's test began and the stream has not come to its end.
func (c *Collector) Running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.root.runs > 0 && (c.packageResult == "" || c.openPackages > 0)
}

// LeftOpen says whether a step began and the final one, which cleans up, never
// ended: what the run made may still be there. In a suite without a final step its
// test cleans up, and its package must have come to an end: when the test binary died,
// the end that test2json makes up for the test proves nothing (facts C2).
func (c *Collector) LeftOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.suite.Final == "" {
		return c.root.runs > 0 && (c.root.ended == 0 || c.packageResult == "")
	}
	began, cleaned := false, false
	for i := range c.steps {
		began = began || c.steps[i].runs > 0
		cleaned = cleaned || c.steps[i].name == c.suite.Final && c.steps[i].ended > 0
	}
	return began && !cleaned
}

// Read reads the stream to its end. An error means that the stream could not be
// read on; the verdict takes it into account.
func (c *Collector) Read(r io.Reader) error {
	lines := newLineReader(r)
	for {
		line, whole, err := lines.next()
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
			return nil // a pipe that outlived its writer is closed by us
		}
		if err != nil {
			c.readErr = fmt.Errorf("read the event stream: %w", err)
			return c.readErr
		}
		c.line(line, whole)
	}
}

// Stderr takes one line the command wrote to its standard error: cmd/go reports
// there what keeps it from testing at all.
func (c *Collector) Stderr(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scan.read(line, false)
	c.tail.add(line)
}

func (c *Collector) line(line []byte, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, err := c.decoder.decode(line)
	switch {
	case err == nil && whole:
		c.event(e)
		return
	case len(strings.TrimSpace(string(line[:min(len(line), ringLine)]))) == 0:
		return
	case !errors.Is(err, errNotEvent):
		c.values.problem("line %d of the stream is a damaged event: %.60q", c.events+c.stray+1, line)
	}
	c.stray++
	text := string(line[:min(len(line), ringLine)])
	c.scan.read(text, false)
	c.tail.add(text)
	if c.OnStray != nil {
		c.OnStray(text)
	}
}

// event takes one event into account.
func (c *Collector) event(e *Event) {
	c.events++
	if e.Time != "" {
		if c.first == "" {
			c.first = e.Time
		}
		c.last = e.Time
	}
	switch e.Action {
	case ActionOutput:
		c.output(e)
	case ActionAttr:
		c.attr(e)
	case ActionStart:
		c.openPackages++
	case ActionRun:
		c.run(e)
	case ActionPass, ActionFail, ActionSkip:
		c.terminal(e)
	case ActionBuildOutput:
		c.scan.build(e.Output)
		c.tail.add(e.Output)
	case ActionBuildFail:
		keep(&c.unbuiltPackage, e.ImportPath)
	}
	if c.OnEvent != nil {
		c.OnEvent(e)
	}
}

func (c *Collector) run(e *Event) {
	if e.Test == c.suite.Test && c.root.runs == 0 {
		c.pkg = e.Package
	} else if e.Test == c.suite.Test && e.Package != c.pkg {
		keep(&c.otherPackage, e.Package)
	}
	t := c.stateOf(e)
	if t == nil {
		return
	}
	t.start(e)
	if t.runs == 2 {
		c.values.problem("%s ran more than once in one stream", e.Test)
	}
}

func (c *Collector) terminal(e *Event) {
	if e.FailedBuild != "" {
		keep(&c.unbuiltPackage, e.Package)
	}
	if e.Test == "" {
		c.packageEnd(e)
		return
	}
	if t := c.stateOf(e); t != nil {
		t.finish(e)
		if t.ended > t.runs {
			c.values.problem("%s ended more often than it began", e.Test)
		}
	} else if e.Action == ActionFail && c.within(e) {
		keep(&c.owner(e.Test).failedBelow, e.Test)
	} else if e.Action == ActionFail {
		keep(&c.otherFailed, "test "+e.Test)
	}
}

// packageEnd notes a package's own end. test2json puts the name of the last
// test into it when the binary died (facts C2); that one never comes here, so a
// dead binary's package has no end.
func (c *Collector) packageEnd(e *Event) {
	c.openPackages = max(c.openPackages-1, 0)
	if c.root.runs > 0 && e.Package == c.pkg {
		if c.packageResult != ActionFail {
			c.packageResult = e.Action
		}
	} else if e.Action == ActionFail {
		keep(&c.otherFailed, "package "+e.Package)
	}
}

func (c *Collector) attr(e *Event) {
	if !c.within(e) {
		return
	}
	owner := c.owner(e.Test)
	switch name, found := "", false; {
	case e.Key == suite.ReasonKey:
		if c.stopped.Load() == nil {
			c.reasonCameLast = c.reasonCameLast || owner == &c.root && owner.reason == "" && c.allStepsBegan()
			owner.publishReason(e.Value)
		}
	case e.Key == suite.DetailKey:
		keep(&owner.detail, e.Value)
	case e.Key == suite.AskedKey && c.suite.Independent:
		c.takeClaimList(e, "asked", &c.asked)
	case e.Key == suite.ChosenKey && c.suite.Independent:
		c.takeClaimList(e, "chosen", &c.chosen)
	case e.Key == suite.NoteKey:
		c.note(e.Value)
	default:
		if name, found = strings.CutPrefix(e.Key, suite.MetricPrefix); found {
			c.values.metric(name, e.Value)
		} else if name, found = strings.CutPrefix(e.Key, suite.LabelPrefix); found {
			c.values.label(name, e.Value)
		}
	}
}

// maxNotes bounds the notes a report keeps.
const maxNotes = 200

func (c *Collector) note(text string) {
	if len(c.notes) < maxNotes {
		c.notes = append(c.notes, text)
	}
}

func (c *Collector) output(e *Event) {
	begins := !c.midLine || e.Test == "" // packages that run side by side cut into each other's lines
	c.midLine = !strings.HasSuffix(e.Output, "\n")
	if begins {
		c.scan.read(e.Output, e.Test == "" && e.Package == c.pkg)
		if strings.HasPrefix(e.Output, "FAIL\t") && strings.HasSuffix(e.Output, " failed]\n") {
			keep(&c.unbuiltPackage, e.Package)
		}
	}
	if Framing(e.Output) {
		return
	}
	if c.within(e) {
		c.owner(e.Test).tail.add(e.Output)
	} else {
		c.tail.add(e.Output)
	}
}

// Framing says whether a line of output is the test framework's own and says
// nothing that the events do not say as well.
func Framing(line string) bool {
	line = strings.TrimLeft(line, " ")
	return strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") ||
		line == "PASS\n" || line == "FAIL\n" || strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "FAIL\t")
}

// within says whether an event's test is the suite's or a subtest of it. What
// other packages call by the same name is another test.
func (c *Collector) within(e *Event) bool {
	rest, ok := strings.CutPrefix(e.Test, c.suite.Test)
	return ok && (rest == "" || rest[0] == '/') && e.Package == c.pkg
}

// stateOf is the track of exactly this test, nil for any other.
func (c *Collector) stateOf(e *Event) *testState {
	if !c.within(e) {
		return nil
	}
	if t := c.owner(e.Test); t == &c.root && e.Test == c.suite.Test || c.suite.Test+"/"+t.name == e.Test {
		return t
	}
	return nil
}

// owner is the step that a test within the suite belongs to, else the suite's own test.
func (c *Collector) owner(test string) *testState {
	step, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(test, c.suite.Test), "/"), "/")
	for i := range c.steps {
		if c.steps[i].name == step {
			return &c.steps[i]
		}
	}
	return &c.root
}

// allStepsBegan says whether every expected step has begun.
func (c *Collector) allStepsBegan() bool {
	for i := range c.steps {
		if c.expected(i) && c.steps[i].runs == 0 {
			return false
		}
	}
	return true
}

// times are those of the first and the last event; zero when they carry none.
func (c *Collector) times() (first, last time.Time) {
	first, _ = (&Event{Time: c.first}).When()
	last, _ = (&Event{Time: c.last}).When()
	return first, last
}
