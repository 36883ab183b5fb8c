// Package compile compiles what a run is about to need, and says how far it is. The packages go
// into Go's build cache, where `go test` and `go build` find them: nothing else is left.
package compile

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"veza.fr/recovery/internal/testprom/procgroup"
)

// Limit bounds the download and the compilation.
const Limit = 30 * time.Minute

// grace is what the go command has to end after an interrupt.
const grace = 10 * time.Second

// Job is what to compile.
type Job struct {
	Go       string   // the go command
	Dir      string   // -C: where Packages are looked for; "" is here
	Env      []string // nil: this process's own
	Flags    []string // build flags, such as -tags=drill
	Packages []string // as go test and go build take them
	Tests    bool     // what their tests need too
}

// Phase is what is being done.
type Phase string

// The phases, in their order. Modules are fetched while the packages are listed.
const (
	Downloading Phase = "downloading"
	Compiling   Phase = "compiling"
)

// Progress is how far a Job is. What the caches hold already is never counted as done.
type Progress struct {
	Phase Phase
	Done  int // modules fetched, or packages compiled
	Total int // packages that no cache holds; 0 while it is not known
	Took  time.Duration
}

// Run compiles a job and tells each step of it, and every second that it goes on; of what the caches
// hold already, nothing. tell is called by one at a time. An error says that not all was compiled, and
// why; whoever compiles next says the same in its own words.
func (j Job) Run(ctx context.Context, tell func(Progress)) (Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, Limit)
	defer cancel()
	c := counter{tell: tell, begin: time.Now(), progress: Progress{Phase: Downloading}}
	defer c.tick()()
	found, err := j.list(ctx, func(line string) {
		if strings.HasPrefix(line, "go: downloading ") {
			c.step()
		}
	})
	if err != nil {
		return c.now(), err
	}
	if len(found.build) == 0 {
		return c.now(), nil
	}
	c.compiles(len(found.stale))
	err = j.command(ctx, nil, func(line string) {
		if found.stale[line] {
			c.step()
		}
	}, slices.Concat([]string{"build", "-v"}, j.Flags, found.build)...)
	return c.now(), err
}

// counter counts and tells.
type counter struct {
	tell  func(Progress)
	begin time.Time

	mu       sync.Mutex
	progress Progress
}

func (c *counter) step() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.progress.Done++
	c.told()
}

func (c *counter) told() {
	c.progress.Took = time.Since(c.begin)
	c.tell(c.progress)
}

func (c *counter) compiles(total int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.progress = Progress{Phase: Compiling, Total: total}
}

func (c *counter) now() Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.progress.Took = time.Since(c.begin)
	return c.progress
}

// tick tells every second, so that a clock can be drawn; the function it returns ends that.
func (c *counter) tick() (end func()) {
	ticker, done := time.NewTicker(time.Second), make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			c.mu.Lock()
			if c.progress.Done > 0 {
				c.told()
			}
			c.mu.Unlock()
		}
	})
	return func() {
		ticker.Stop()
		close(done)
		ticking.Wait()
	}
}

// listing is what a job has to compile.
type listing struct {
	stale map[string]bool // what the cache does not hold, of the standard library too
	build []string        // the same, to name to go build: what only a test's own main needs, nothing else reaches
}

// list asks go for the packages. What it fetches for that, it says.
func (j Job) list(ctx context.Context, said func(string)) (l listing, err error) {
	l.stale = map[string]bool{}
	argv := slices.Concat([]string{"list", "-deps", "-f", format}, j.Flags)
	if j.Tests {
		argv = append(argv, "-test")
	}
	err = j.command(ctx, func(line string) { l.add(line, j.Tests) }, said, append(argv, j.Packages...)...)
	return l, err
}

const format = "{{.Stale}}\t{{.DepOnly}}\t{{.Name}}\t{{.ForTest}}\t{{.ImportPath}}"

// add takes one package, as format puts it. What is made for one test alone, go test compiles, and
// programs are linked by go build.
func (l *listing) add(line string, tests bool) {
	fields := strings.Split(line, "\t")
	if len(fields) != 5 || fields[0] != "true" {
		return
	}
	asked, name, path := fields[1] == "false", fields[2], fields[4]
	if fields[3] != "" || name == "main" || asked && tests || l.stale[path] {
		return
	}
	l.stale[path] = true
	l.build = append(l.build, path)
}

// command runs go to its end, and gives each line of its standard output and error to whoever
// wants it. What it started ends with it.
func (j Job) command(ctx context.Context, out, said func(string), argv ...string) error {
	if j.Dir != "" {
		argv = slices.Insert(argv, 1, "-C", j.Dir)
	}
	cmd := exec.Command(j.Go, argv...)
	cmd.Env, cmd.WaitDelay = j.Env, grace
	last := ""
	cmd.Stdout, cmd.Stderr = &lines{take: out}, &lines{take: func(line string) {
		last = line
		said(line)
	}}
	group, err := procgroup.Start(cmd, grace)
	if err != nil {
		return err
	}
	defer group.Release()
	defer group.Signal(syscall.SIGKILL) // what it left, such as a compiler
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		group.Signal(syscall.SIGINT)
		late := time.AfterFunc(grace, func() { group.Signal(syscall.SIGKILL) })
		defer late.Stop()
		err = errors.Join(context.Cause(ctx), <-ended)
	}
	if err != nil {
		return fmt.Errorf("go %s: %w: %s", argv[0], err, last)
	}
	return nil
}

// lines hands on what is written to it, line by line.
type lines struct {
	take func(string)
	rest []byte
}

func (l *lines) Write(text []byte) (int, error) {
	l.rest = append(l.rest, text...)
	for {
		i := slices.Index(l.rest, '\n')
		if i < 0 {
			return len(text), nil
		}
		if l.take != nil {
			l.take(strings.TrimRight(string(l.rest[:i]), "\r"))
		}
		l.rest = l.rest[i+1:]
	}
}
